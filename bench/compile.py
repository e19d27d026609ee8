"""What compiling costs: ``python bench/compile.py [NODES]`` (5490 nodes of 69 resources unless said otherwise).

One run, three figures with their ratios: every instance distinct, nodes that share their instances, a second run with
nothing changed. Beside them the plain pipeline for the same content: PyYAML's own loader, ``jsonschema.validate`` and
a template from a string for each node, in one process, on a sample.
"""

import contextlib
import io
import os
import resource
import sys
import tempfile
import time
from pathlib import Path
from typing import Any

import jinja2
import jsonschema
import yaml

from mimc import schemas
from mimc.cli import main as mimc

RESOURCES = 69
SAMPLE = 20


def spec_text(nodes: int, *, distinct: bool) -> str:
    """Return a spec of *nodes* nodes with 69 resources each; *distinct* makes every one its node's own."""

    def name(text: str) -> str:
        return f"{{$join: ['{text}', {{$var: target}}]}}" if distinct else f"'{text}'"

    kinds = (
        "File: {{id: f{0}, DestinationPath: {1}, Contents: 'text number {0} with some words', Ensure: Present, Type: File}}",
        "Registry: {{id: r{0}, Key: {1}, ValueName: v{0}, ValueData: ['{0}'], ValueType: String, Ensure: Present}}",
        "Service: {{id: s{0}, Name: {1}, State: Running, StartupType: Automatic}}",
        "Environment: {{id: e{0}, Name: {1}, Value: 'value {0}', Ensure: Present}}",
        "WindowsFeature: {{id: w{0}, Name: {1}, Ensure: Present, dependsOn: ['[File]f0']}}",
        "Script: {{id: x{0}, GetScript: {1}, TestScript: 'return $true', SetScript: 'Write-Verbose done'}}",
    )
    rows = (f"  - {kinds[i % 6].format(i, name(f'C:/thing {i} '))}" for i in range(RESOURCES))
    targets = (f"  node{i:05}: {{host: node{i:05}.lab.example}}" for i in range(nodes))
    head = ("apiVersion: mimc/v1", "name: Fleet", "targets:", *targets, "resources:", *rows, "")
    return "\n".join(head)


def compile_s(arguments: list[str]) -> float:
    """Return the wall time of ``mimc compile`` with *arguments* in this process."""
    begun = time.perf_counter()
    with contextlib.redirect_stdout(io.StringIO()), contextlib.redirect_stderr(io.StringIO()):
        assert mimc(["compile", *arguments]) == 0
    return time.perf_counter() - begun


def plain_node_s(text: str) -> float:
    """Return the time a node of its own spec takes in the plain pipeline."""
    template = '{% for item in resources %}{% for kind, body in item.items() %}instance of {{ kind }}\n{\n{% for k, v in body.items() %} {{ k }} = "{{ v }}";\n{% endfor %}};\n{% endfor %}{% endfor %}'
    begun = time.perf_counter()
    for _ in range(SAMPLE):
        data: dict[str, Any] = yaml.load(text, Loader=yaml.SafeLoader)
        jsonschema.validate(data, schemas.load("spec"))
        jinja2.Environment().from_string(template).render(resources=data["resources"])
    return (time.perf_counter() - begun) / SAMPLE


def main() -> None:
    """Print the figures and their ratios."""
    nodes = int(sys.argv[1]) if len(sys.argv) > 1 else 5490
    with tempfile.TemporaryDirectory() as folder, contextlib.chdir(folder):
        for name, distinct in (("distinct", True), ("shared", False), ("one", False)):
            Path(f"{name}.yaml").write_text(
                spec_text(1 if name == "one" else nodes, distinct=distinct), "utf-8"
            )
        compile_s(["one.yaml", "-o", "warm"])  # imports
        one_s = compile_s(["one.yaml", "-o", "one"])
        distinct_s = compile_s(["distinct.yaml", "-o", "a"])
        again_s = compile_s(["distinct.yaml", "-o", "a"])
        shared_s = compile_s(["shared.yaml", "-o", "b"])
        plain_s = plain_node_s(spec_text(1, distinct=False))
    peak = (
        max(resource.getrusage(who).ru_maxrss for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
        // 1024
    )
    print(f"{nodes} nodes x {RESOURCES} resources, {os.cpu_count()} cores, Python {sys.version.split()[0]}")
    print(f"one node      {one_s * 1000:9.1f} ms")
    print(
        f"distinct      {distinct_s:9.2f} s   {distinct_s / nodes * 1000:6.2f} ms a node   limit 60 s for 5490"
    )
    print(f"shared        {shared_s:9.2f} s   {shared_s / nodes * 1000:6.2f} ms a node   limit 15 s for 5490")
    print(f"second run    {again_s:9.2f} s   {distinct_s / again_s:6.1f} times faster   limit 10 s for 5490")
    print(
        f"plain         {plain_s * 1000:9.1f} ms a node, {plain_s * nodes / distinct_s:.1f} times what mimc takes distinct"
    )
    print(f"peak memory   {peak:9} MiB in the largest process")


if __name__ == "__main__":
    main()
