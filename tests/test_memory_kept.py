"""What malloc keeps (`core/memory.py`), seen in the page faults of a process that takes and frees 40 MiB ten times."""

import os
import platform
import subprocess
import sys

import pytest

PROGRAM = """
import resource
import numpy as np
import torchlike

def faults():
    return resource.getrusage(resource.RUSAGE_SELF).ru_minflt

np.ones(5 * 2**20)
before = faults()
for _ in range(10):
    np.ones(5 * 2**20)
print((faults() - before) // 10)
"""
PAGES = 40 * 2**8


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a setting of glibc's")
@pytest.mark.parametrize(
    ("variables", "kept"),
    [
        ({}, True),
        ({"TORCHLIKE_MALLOC": "off"}, False),
        ({"MALLOC_TOP_PAD_": "0"}, False),
        ({"GLIBC_TUNABLES": "glibc.malloc.top_pad=0"}, False),
    ],
)
def test_a_freed_block_is_taken_again_without_page_faults_unless_the_user_says_otherwise(variables, kept):
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MALLOC_", "GLIBC_", "TORCHLIKE_MALLOC"))}
    run = subprocess.run(
        [sys.executable, "-c", PROGRAM], env=environment | variables, stdout=subprocess.PIPE, text=True, check=True
    )
    faults = int(run.stdout)
    assert faults < PAGES // 10 if kept else faults >= PAGES // 512  # a system with huge pages meets one in 512


ASKED = """
import torchlike

def heap(line, inside=[False]):
    if "-" in line.split(" ")[0]:
        inside[0] = "[heap]" in line
    return inside[0]

with open("/proc/self/smaps") as maps:
    flags = [line for line in maps if heap(line) and line.startswith("VmFlags")]
print(any("hg" in line.split() for line in flags))
"""


@pytest.mark.skipif(platform.libc_ver()[0] != "glibc", reason="a setting of glibc's")
@pytest.mark.skipif(not os.path.exists("/sys/kernel/mm/transparent_hugepage"), reason="a system without large pages")
@pytest.mark.parametrize(("variables", "asked"), [({}, True), ({"TORCHLIKE_MALLOC": "off"}, False)])
def test_the_heap_asks_for_large_pages_unless_the_user_says_otherwise(variables, asked):
    environment = {k: v for k, v in os.environ.items() if not k.startswith(("MALLOC_", "GLIBC_", "TORCHLIKE_MALLOC"))}
    run = subprocess.run(
        [sys.executable, "-c", ASKED], env=environment | variables, stdout=subprocess.PIPE, text=True, check=True
    )
    assert run.stdout.strip() == str(asked)
