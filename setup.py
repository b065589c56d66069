"""Put the bundled study (kept at the top of the repository) into the package when a wheel is built."""

import shutil
import sys
from pathlib import Path

from setuptools import Extension, setup
from setuptools.command.build_py import build_py

ROOT = Path(__file__).parent
STUDY = (
    "study.toml",
    "schemas/*.yaml",
    "schemas/*.json",
    "seeds/*.jsonl",
    "seeds/*.toml",
    "seeds/README.md",
    "annotations/*.toml",
    "annotations/*.jsonl",
    "annotations/codings/*.jsonl",
    "annotations/exemplars/*",
    "annotations/pool/*",
)


class BuildWithStudy(build_py):
    """build_py, plus the study's files; originals never match these patterns."""

    def run(self) -> None:
        """Build, then copy; in an editable install the files are read where they are."""
        super().run()
        if self.editable_mode:
            return
        target = Path(self.build_lib) / "diptych" / "_study"
        for pattern in STUDY:
            for source in sorted(ROOT.glob(pattern)):
                place = target / source.relative_to(ROOT)
                place.parent.mkdir(parents=True, exist_ok=True)
                shutil.copyfile(source, place)


# the scorer in C: where no compiler is at hand, numpy scores
KERNEL = Extension(
    "diptych.classifier.scoring._kernel",
    ["src/diptych/classifier/scoring/c/kernel.c"],
    depends=[
        str(header.relative_to(ROOT)) for header in sorted((ROOT / "src/diptych/classifier/scoring/c").glob("*.h"))
    ],
    extra_compile_args=[] if sys.platform == "win32" else ["-O3", "-std=c11"],
    optional=True,
)

setup(cmdclass={"build_py": BuildWithStudy}, ext_modules=[KERNEL])
