"""`huiyin completion`: the script that completes commands and options in a shell."""

from __future__ import annotations

from typing import Annotated, Literal

import typer
from typer._completion_shared import get_completion_script

VARIABLE = "_HUIYIN_COMPLETE"
"""With it set, a shell asks this program for completions."""


def completion(
    shell: Annotated[
        Literal["bash", "zsh", "fish"],
        typer.Argument(help='bash: eval "$(huiyin completion bash)"; fish: huiyin completion fish | source'),
    ],
) -> None:
    """Print the script that completes commands and options in bash, zsh or fish."""
    print(get_completion_script(prog_name="huiyin", complete_var=VARIABLE, shell=shell))
