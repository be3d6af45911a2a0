"""`plait completion`: the script that teaches a shell to complete `plait`."""

import click
from click.shell_completion import get_completion_class


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@click.pass_context
def completion(context: click.Context, shell: str) -> None:
    """Print a completion script for SHELL.

    \b
    Examples:
      eval "$(plait completion bash)"             in ~/.bashrc
      eval "$(plait completion zsh)"              in ~/.zshrc
      plait completion fish > ~/.config/fish/completions/plait.fish
    """
    kind = get_completion_class(shell)
    assert kind is not None, "click completes all three"
    click.echo(kind(context.find_root().command, {}, "plait", "_PLAIT_COMPLETE").source())
