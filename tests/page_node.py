"""The page's JavaScript run by Node.js, without a page."""

from __future__ import annotations

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from chalkgrad.page.data import PageData

NODE = shutil.which("node")
WEB = Path(__file__).parents[1] / "src/chalkgrad/page/web"


def run(script: str, folder: Path) -> Any:
    """What a script writes by `give(...)`; the page's modules are there under their names: `modules.machine`.

    Args:
        script: the script.
        folder: where it is put.
    """
    names = [path.stem for path in WEB.glob("*.js") if path.stem != "page"]
    imports = "\n".join(f'import * as {n.replace("-", "_")} from "{(WEB / f"{n}.js").as_uri()}";' for n in names)
    modules = ", ".join(f'"{n}": {n.replace("-", "_")}' for n in names)
    give = "const give = (value) => process.stdout.write(JSON.stringify(value));"
    file = folder / "script.mjs"
    file.write_text(f"{imports}\nconst modules = {{ {modules} }};\n{give}\n{script}", "utf-8")
    done = subprocess.run([NODE or "node", str(file)], capture_output=True, text=True, timeout=120, encoding="utf-8")
    assert not done.returncode, done.stderr[-3000:]
    return json.loads(done.stdout)


def pages(cases: dict[str, PageData]) -> str:
    """JavaScript that sets `pages`: of each case its data and its functions."""
    entries = [
        f"{json.dumps(name)}: {{ data: {json.dumps(data.table)}, functions: {data.functions} }}"
        for name, data in cases.items()
    ]
    return "const pages = { " + ",\n".join(entries) + " };\n"
