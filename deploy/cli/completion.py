"""`huiyin completion`: the script that completes commands and options in a shell."""

from __future__ import annotations

from typing import Annotated, Literal

import typer
from typer._completion_shared import get_completion_script

VARIABLE = "_HUIYIN_COMPLETE"
"""With it set, a shell asks this program for completions."""


def completion(
    shell: Annotated[Literal["bash", "zsh", "fish"], typer.Argument(help="The shell")],
) -> None:
    """Print the script that completes commands and options of huiyin in a shell.

    bash: eval "$(huiyin completion bash)" in ~/.bashrc; zsh: the same with zsh in ~/.zshrc; fish: huiyin completion fish | source
    in ~/.config/fish/config.fish."""
    print(get_completion_script(prog_name="huiyin", complete_var=VARIABLE, shell=shell))
