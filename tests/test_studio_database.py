"""The database a study's own Label Studio begins with, in front of an environment that only looks like one."""

from __future__ import annotations

import sqlite3
import sys
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from contextlib import closing
from pathlib import Path

import pytest

from diptych.errors import LabelStudioError
from diptych.labelstudio.database import NAME, begin, first_key, has_account

MANAGE = """\
import os, sqlite3, sys, time
from pathlib import Path
data = Path(os.environ["LABEL_STUDIO_BASE_DATA_DIR"])
with (Path(__file__).parents[4] / "runs").open("a") as runs:
    runs.write(" ".join(sys.argv[1:]) + "\\n")
time.sleep(0.2)
sqlite3.connect(data / "label_studio.sqlite3").execute("create table htx_user (id integer)")
"""


@pytest.fixture
def environment(tmp_path: Path) -> Path:
    packages = tmp_path / "environment" / "lib" / "python3.11" / "site-packages"
    (packages / "label_studio-9.9.9.dist-info").mkdir(parents=True)
    (packages / "label_studio").mkdir()
    (packages / "label_studio" / "manage.py").write_text(MANAGE)
    (tmp_path / "environment" / "bin").mkdir()
    (tmp_path / "environment" / "bin" / "python").symlink_to(sys.executable)
    return tmp_path / "environment"


@pytest.fixture
def study(tmp_path: Path) -> Callable[[str], Path]:
    def make(name: str) -> Path:
        (tmp_path / name).mkdir()
        return tmp_path / name

    return make


def runs(environment: Path) -> list[str]:
    path = environment / "runs"
    return path.read_text().splitlines() if path.exists() else []


def test_tables_are_made_once_for_all_studies(environment, study):
    first, second, told = study("first"), study("second"), []
    begin(environment, first, told.append)
    begin(environment, second, told.append)
    assert runs(environment) == ["migrate --no-color --verbosity 0"]
    assert told == ["making Label Studio's tables (a minute, once)"]
    assert (first / NAME).read_bytes() == (second / NAME).read_bytes()
    with closing(sqlite3.connect(first / NAME)) as database:
        assert database.execute("select count(*) from htx_user").fetchone() == (0,)


def test_an_environment_that_a_study_links_to_is_taken(environment, tmp_path, study):
    (tmp_path / "study.toml").write_text("")
    folder = study("first")
    (folder / "study.toml").write_text("")
    (folder / ".venv-studio").symlink_to(environment)
    begin(folder / ".venv-studio", folder, lambda _: None)
    assert (folder / NAME).is_file()
    assert len(list(environment.glob("*.sqlite3"))) == 1


def test_two_studies_at_once_make_them_once(environment, study):
    folders = [study(f"study-{number}") for number in range(4)]
    with ThreadPoolExecutor(4) as pool:
        list(pool.map(lambda folder: begin(environment, folder, lambda _: None), folders))
    assert len(runs(environment)) == 1
    assert len({(folder / NAME).read_bytes() for folder in folders}) == 1


def test_another_release_has_tables_of_its_own(environment, study):
    begin(environment, study("first"), lambda _: None)
    packages = environment / "lib" / "python3.11" / "site-packages"
    (packages / "label_studio-9.9.9.dist-info").rename(packages / "label_studio-10.0.0.dist-info")
    begin(environment, study("second"), lambda _: None)
    assert len(runs(environment)) == 2


@pytest.mark.parametrize("program", ["raise SystemExit(1)", "", None], ids=["fails", "does nothing", "is not there"])
def test_where_it_fails_label_studio_makes_its_tables_itself(environment, study, program):
    path = environment / "lib" / "python3.11" / "site-packages" / "label_studio" / "manage.py"
    path.unlink() if program is None else path.write_text(program)
    folder = study("first")
    begin(environment, folder, lambda _: None)
    assert list(folder.iterdir()) == []
    assert list(environment.glob("*.sqlite3")) == []


def test_what_is_no_environment_of_label_studio_is_left_alone(tmp_path, study):
    folder = study("first")
    begin(tmp_path / "nowhere", folder, lambda _: None)
    assert list(folder.iterdir()) == []


def test_a_database_of_another_kind_is_left_to_label_studio(environment, study, monkeypatch):
    monkeypatch.setenv("DJANGO_DB", "default")
    folder = study("first")
    begin(environment, folder, lambda _: None)
    assert (list(folder.iterdir()), runs(environment)) == ([], [])


def test_a_first_start_that_was_cut_off_is_told_by_the_missing_account(study):
    folder = study("first")
    assert not has_account(folder)
    with closing(sqlite3.connect(folder / NAME)) as database:
        assert not has_account(folder)
        database.execute("create table htx_user (id integer)")
        database.execute("create table authtoken_token (key text, user_id integer)")
        database.commit()
        assert not has_account(folder)
        with pytest.raises(LabelStudioError, match="has no account yet"):
            first_key(folder)
        database.execute("insert into htx_user values (1)")
        database.execute("insert into authtoken_token values ('secret', 1)")
        database.commit()
    assert has_account(folder)
    assert first_key(folder) == "secret"


def test_a_damaged_database_is_told_without_its_contents(study):
    folder = study("first")
    (folder / NAME).write_bytes(b"no database at all, and longer than a page's head " * 99)
    assert not has_account(folder)
    with pytest.raises(LabelStudioError, match="cannot be read"):
        first_key(folder)
