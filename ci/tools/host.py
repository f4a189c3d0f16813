"""What the checks that read machine code ask of the machine: x86-64 Linux, and some tools."""
import os
import platform
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent.parent
NAME = Path(sys.argv[0]).name
TARGET = "x86_64-unknown-linux-gnu"


def die(message):
    sys.stdout.flush()
    sys.exit(f"{NAME}: {message}")


def run(*command, what=None, **options):
    """The output of a command that must succeed."""
    options = {"text": True, "stdout": subprocess.PIPE, **options}
    try:
        done = subprocess.run([str(word) for word in command], **options)
    except FileNotFoundError as error:
        die(f"cannot run {command[0]}: {error.strerror}")
    if done.returncode != 0:
        if options.get("stderr") == subprocess.PIPE:
            sys.stderr.write(done.stderr)
        what = what or " ".join(map(str, command))
        die(f"{what} failed, with status {done.returncode}")
    return done.stdout


def need(**packages):
    """Tools, each with the Debian package that has it, installed where that is possible."""
    if (platform.system(), platform.machine()) != ("Linux", "x86_64"):
        die("runs on Linux on x86-64 only: that is the machine code that it reads")
    for tool, package in packages.items():
        tool = tool.replace("cxxfilt", "c++filt")
        if shutil.which(tool):
            continue
        if os.getuid() != 0 or not os.path.exists("/etc/debian_version"):
            die(f"{tool} is missing: install {package}")
        environment = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        run("apt-get", "update", "-qq", env=environment)
        install = ("apt-get", "install", "-y", "-qq", "--no-install-recommends", package)
        run(*install, what=f"the installation of {package}", env=environment)
        if not shutil.which(tool):
            die(f"{tool} is missing, although {package} is installed")


def target_directory():
    """Where this check builds."""
    return Path(os.environ.get("CARGO_TARGET_DIR", ROOT / "target")).resolve() / NAME
