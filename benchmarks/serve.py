"""How many passages a second `diptych serve` answers, beside a plain FastAPI app around scikit-learn pipelines.

    python benchmarks/serve.py [--seconds 8] [--requests 100000]

Both servers run in turn on loopback, in a process of their own, with the same passages and the same client; the plain
one is what a user would write otherwise: three stock pipelines (words and pairs by TF-IDF, logistic regression) behind
one route. Then memory over many requests, and a model swapped in the middle of a load.
"""

from __future__ import annotations

import argparse
import asyncio
import json
import os
import shutil
import signal
import socket
import subprocess
import sys
import tempfile
import time
from pathlib import Path

# this folder holds a statistics.py
sys.path[:] = [place for place in sys.path if Path(place or ".").resolve() != Path(__file__).parent]

import diptych  # noqa: E402
from diptych.classifier.scoring.bundled import FILE, bundled_model  # noqa: E402

RESULTS = Path(__file__).parent / "results" / "serve.json"
PLAIN = """
import sys, json
from pathlib import Path
import uvicorn
from fastapi import FastAPI
from pydantic import BaseModel
from sklearn.feature_extraction.text import TfidfVectorizer
from sklearn.linear_model import LogisticRegression
from sklearn.pipeline import make_pipeline

rows = [json.loads(line) for line in Path(sys.argv[2]).read_text().splitlines()]
texts = [row["text"] for row in rows]
models = {}
for facet in ("perspective", "domain", "stance"):
    model = make_pipeline(TfidfVectorizer(ngram_range=(1, 2), sublinear_tf=True), LogisticRegression(max_iter=1000))
    models[facet] = model.fit(texts, [row[facet] for row in rows])
app = FastAPI()

class Body(BaseModel):
    text: str

@app.post("/v1/classify")
def classify(body: Body):
    answer = {}
    for facet, model in models.items():
        shares = model.predict_proba([body.text])[0]
        best = int(shares.argmax())
        answer[facet] = {"value": str(model.classes_[best]), "p": float(shares[best])}
    return answer

@app.get("/health")
def health():
    return {}

uvicorn.run(app, port=int(sys.argv[1]), log_level="error", access_log=False, http="h11")
"""


def free_port() -> int:
    with socket.socket() as listener:
        listener.bind(("127.0.0.1", 0))
        return listener.getsockname()[1]


class Server:
    """A server in a process of its own."""

    def __init__(self, command: list[str], port: int) -> None:
        self.port = port
        began = time.perf_counter()
        self.process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
        while True:
            try:
                with socket.create_connection(("127.0.0.1", port), timeout=1):
                    break
            except OSError:
                if self.process.poll() is not None:
                    raise SystemExit(f"{command[0]} ended") from None
                time.sleep(0.02)
        self.start = time.perf_counter() - began

    def memory(self) -> int:
        """Resident kilobytes."""
        status = Path(f"/proc/{self.process.pid}/status").read_text()
        return int(next(line for line in status.splitlines() if line.startswith("VmRSS")).split()[1])

    def stop(self) -> None:
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(60)


async def client(port: int, bodies: list[bytes], until: float, most: int, times: list[float], bad: list[str]) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    number = 0
    while time.perf_counter() < until and number < most:
        body = bodies[number % len(bodies)]
        number += 1
        began = time.perf_counter()
        writer.write(
            b"POST /v1/classify HTTP/1.1\r\nhost: 127.0.0.1\r\ncontent-type: application/json\r\n"
            b"content-length: %d\r\n\r\n" % len(body) + body
        )
        head = await reader.readuntil(b"\r\n\r\n")
        lines = head.lower().split(b"\r\n")
        length = next(int(line.split(b":")[1]) for line in lines if line.startswith(b"content-length"))
        await reader.readexactly(length)
        if b" 200 " not in head.split(b"\r\n")[0]:
            bad.append(head.split(b"\r\n")[0].decode())
        times.append(time.perf_counter() - began)
    writer.close()


async def load(port: int, bodies: list[bytes], clients: int, seconds: float, most: int = 10**9) -> dict[str, float]:
    times: list[float] = []
    bad: list[str] = []
    began = time.perf_counter()
    until = began + seconds
    await asyncio.gather(*(client(port, bodies[i:] + bodies[:i], until, most, times, bad) for i in range(clients)))
    took = time.perf_counter() - began
    times.sort()
    point = {f"p{p}_ms": round(1000 * times[min(len(times) - 1, int(len(times) * p / 100))], 2) for p in (50, 95, 99)}
    return {"requests": len(times), "per_second": round(len(times) / took, 1), **point, "failed": len(bad)}


def main() -> None:
    parser = argparse.ArgumentParser()
    parser.add_argument("--seconds", type=float, default=8)
    parser.add_argument("--requests", type=int, default=100_000)
    options = parser.parse_args()
    study = diptych.Study.bundled()
    passages = diptych.load_passages(study, originals=False)
    gold = diptych.load_gold(study).pivot(index="passage", columns="facet", values="value")
    texts = passages["text"].tolist()
    bodies = [json.dumps({"text": text}).encode() for text in texts]
    found: dict = {"cores": os.cpu_count(), "python": sys.version.split()[0], "servers": {}}
    with tempfile.TemporaryDirectory() as folder:
        table = Path(folder) / "table.jsonl"
        rows = [{"text": t, **gold.loc[p].to_dict()} for p, t in zip(passages["passage"], texts, strict=True)]
        table.write_text("\n".join(json.dumps(row) for row in rows))
        script = Path(folder) / "plain.py"
        script.write_text(PLAIN)
        copy = Path(folder) / "study"
        for name in ("study.toml", "schemas", "seeds", "annotations"):
            source = study.root / name
            if source.is_dir():
                shutil.copytree(source, copy / name, ignore=shutil.ignore_patterns("*.txt"))
            else:
                copy.mkdir(exist_ok=True)
                shutil.copy(source, copy / name)
        (copy / ".diptych").mkdir()
        shutil.copy(FILE, copy / ".diptych" / "model.zip")
        for name in ("diptych", "plain"):
            port = free_port()
            command = [sys.executable, "-m", "diptych", "serve", "--port", str(port), "--study", str(copy)]
            plain = [sys.executable, str(script), str(port), str(table)]
            server = Server(command if name == "diptych" else plain, port)
            mine = {"start_seconds": round(server.start, 2)}
            for clients in (1, 16, 64):
                mine[f"{clients} clients"] = asyncio.run(load(port, bodies, clients, options.seconds))
                print(name, clients, mine[f"{clients} clients"], flush=True)
            if name == "diptych":
                mine["memory"] = memory_over(server, bodies, options.requests)
                mine["swap"] = swap(server, bodies, copy, options.seconds)
            server.stop()
            found["servers"][name] = mine
    for clients in ("1 clients", "16 clients", "64 clients"):
        ours, theirs = (found["servers"][name][clients]["per_second"] for name in ("diptych", "plain"))
        found[f"ratio, {clients}"] = round(ours / theirs, 2)
    RESULTS.write_text(json.dumps(found, indent=1) + "\n")
    print(json.dumps(found, indent=1))


def memory_over(server: Server, bodies: list[bytes], requests: int) -> dict[str, int]:
    """Resident memory after a tenth of the requests, and after all."""
    asyncio.run(load(server.port, bodies, 16, 10**6, requests // 160))
    before = server.memory()
    asyncio.run(load(server.port, bodies, 16, 10**6, requests * 9 // 160))
    found = {"requests": requests, "kilobytes_after_a_tenth": before, "kilobytes_at_the_end": server.memory()}
    print("memory", found, flush=True)
    return found


def swap(server: Server, bodies: list[bytes], study: Path, seconds: float) -> dict[str, float]:
    """Another model is put in place in the middle of a load: no request may fail."""
    from dataclasses import replace

    from diptych.classifier.scoring.persist import save_model

    model = bundled_model()
    card = {**model.card, "training": {**model.card["training"], "hash": "5" * 64}}

    async def both() -> dict[str, float]:
        async def put() -> None:
            await asyncio.sleep(seconds / 3)
            await asyncio.to_thread(save_model, study / ".diptych" / "model.zip", replace(model, card=card))

        found, _ = await asyncio.gather(load(server.port, bodies, 16, seconds), put())
        return found

    found = asyncio.run(both())
    print("swap", found, flush=True)
    return found


if __name__ == "__main__":
    main()
