"""PyTorch on the CPU, in a process that speaks JSON lines as engines/worker.js does: {"do": "hello", "threads": 2} and so on."""
import time

start = time.perf_counter()

import json
import sys
import traceback

import torch

from draw import sample
from kernels import kernel, product
from steps import network, step

IMPORT_SECONDS = time.perf_counter() - start
FAMILIES = {
    "step": step,
    "transformer": network,
    "convolution": network,
    "lstm": network,
    "product": product,
    "kernel": kernel,
}
tasks = {}


def hello(request):
    threads = request["threads"]
    torch.set_num_threads(threads)
    label = f"PyTorch {torch.__version__}, {threads} thread{'s' if threads > 1 else ''}"
    return {"version": torch.__version__, "label": label, "seconds": IMPORT_SECONDS}


def prepare(request):
    case = request["case"]
    number = max(tasks, default=-1) + 1
    tasks[number] = (case, FAMILIES[case["kind"]](case))
    return {"id": number}


def check(request):
    case, once = tasks[request["id"]]
    if "losses" in case:
        return {"values": [once() for _ in range(case["losses"])]}
    return {"values": sample(once())}


def run(request):
    case, once = tasks[request["id"]]
    begin = time.perf_counter()
    if case.get("handedBack"):
        for _ in range(request["times"]):
            once().numpy()
    else:
        for _ in range(request["times"]):
            once()
    return {"seconds": time.perf_counter() - begin}


def dispose(request):
    del tasks[request["id"]]
    return {}


REQUESTS = {"hello": hello, "prepare": prepare, "check": check, "run": run, "dispose": dispose}

for line in sys.stdin:
    request = json.loads(line)
    try:
        answer = REQUESTS[request["do"]](request)
    except Exception:
        answer = {"error": traceback.format_exc()}
    print(json.dumps(answer), flush=True)
