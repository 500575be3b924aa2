"""The command line in the reader's language: help, what is said of wrong usage, and the frame that Typer gives it.

Typer brings its own click and says in English what was typed wrong. Its exceptions carry what happened beside the
sentence (an option, a parameter and its type), and from that the sentence is made again here.
"""

from __future__ import annotations

import io
import re
import sys
from collections.abc import Iterator
from contextlib import contextmanager, redirect_stderr, redirect_stdout, suppress
from enum import Enum, EnumMeta
from typing import Any

import typer
from typer.core import TyperCommand, TyperGroup

from grader.language.near import did_you_mean
from grader.language.translation import LANGUAGES, _, choose, marked

Languages = Enum("Languages", {name: name for name in LANGUAGES}, type=str)  # type: ignore[misc]
LANGUAGE_OPTION = "--lang"
# What Typer and its click say of options that they add themselves.
OWN_HELP = (
    marked("Install completion for the current shell."),
    marked("Show completion for the current shell, to copy it or customize the installation."),
    marked("Show this message and exit."),
)
# The line that says how a command is used.
USAGE, OPTIONS, COMMANDS = marked("Usage: "), marked("[OPTIONS]"), marked("COMMAND [ARGS]...")
# Its words around help and errors: names in `typer.rich_utils`, read when something is printed.
FRAME = {
    "ARGUMENTS_PANEL_TITLE": marked("Arguments"),
    "OPTIONS_PANEL_TITLE": marked("Options"),
    "COMMANDS_PANEL_TITLE": marked("Commands"),
    "ERRORS_PANEL_TITLE": marked("Error"),
    "REQUIRED_LONG_STRING": marked("[required]"),
    "DEFAULT_STRING": marked("[default: {}]"),
    "RICH_HELP": marked("Try [blue]'{command_path} {help_option}'[/] for help."),
    "ABORTED_TEXT": marked("Aborted."),
}
# A sentence of click's whose exception carries nothing beside it; the words that were typed stand in brackets.
TOO_MANY = re.compile(r"Got unexpected extra argument\S* \((.*)\)$", re.DOTALL)
WHOLE_NUMBER, NUMBER = marked("a whole number"), marked("a number")


def take_language(language: Languages | None) -> Languages | None:
    """Take the language that ``--lang`` names for all that is said from now on."""
    if language is not None:
        choose(language.value)
    return language


class SpeakingCommand(TyperCommand):
    """A command whose help and errors are in the reader's language, and which takes no option twice."""

    def parse_args(self, context: Any, args: list[str]) -> list[str]:
        """Refuse an option that is given twice, of which only the last would count."""
        _listen(args)
        for parameter in self.params:
            names = tuple(name for name in getattr(parameter, "opts", ()) if name.startswith("--"))
            given = [arg for arg in args if arg.partition("=")[0] in names]
            if len(given) > 1 and not parameter.multiple and not getattr(parameter, "is_flag", False):
                context.fail(_("{option} is given {count} times; give it once", option=names[0], count=len(given)))
        with _in_own_words(self):
            parsed: list[str] = super().parse_args(context, args)
        return parsed

    def format_help(self, *where: Any) -> None:
        """Write the help page."""
        _translate_help(self)
        super().format_help(*where)

    def format_usage(self, context: Any, formatter: Any) -> None:
        """Write the line that says how the command is used."""
        formatter.write_usage(context.command_path, " ".join(_usage_of(self, context)), prefix=_(USAGE))

    def get_help_option(self, context: Any) -> Any:
        """Return the option that shows the help page."""
        return _translated_option(super().get_help_option(context))


class SpeakingGroup(TyperGroup):
    """All commands, with help and errors in the reader's language."""

    def parse_args(self, context: Any, args: list[str]) -> list[str]:
        """Take the arguments; the language is known before any of them can be wrong."""
        _listen(args)
        for parameter in self.params:
            if parameter.name == "install_completion":
                parameter.callback = _install_completion
        with _in_own_words(self):
            parsed: list[str] = super().parse_args(context, args)
        return parsed

    def resolve_command(self, context: Any, args: list[str]) -> Any:
        """Find the command that was typed; of one that does not exist, the nearest is named."""
        name = args[0] if args else ""
        if name and not name.startswith("-") and self.get_command(context, name) is None:
            near = str(did_you_mean(name, self.list_commands(context)))
            _frame()
            context.fail(_("there is no command `{name}`", name=name) + near)
        return super().resolve_command(context, args)

    def format_help(self, *where: Any) -> None:
        """Write the list of commands."""
        for command in (self, *self.commands.values()):
            _translate_help(command)
        super().format_help(*where)

    def format_usage(self, context: Any, formatter: Any) -> None:
        """Write the line that says how the commands are used."""
        pieces = [*_usage_of(self, context), _(COMMANDS)]
        formatter.write_usage(context.command_path, " ".join(pieces), prefix=_(USAGE))

    def get_help_option(self, context: Any) -> Any:
        """Return the option that shows the help page."""
        return _translated_option(super().get_help_option(context))


def speaking(app: typer.Typer) -> typer.Typer:
    """Let all commands of ``app`` show help and errors in the reader's language."""
    for command in app.registered_commands:
        command.cls = SpeakingCommand
    return app


def new_app() -> typer.Typer:
    """Return an empty application with the settings that all parts of the command line share."""
    return typer.Typer(
        name="grader",
        help="Grades hand-written neural-network layers: what is right, what is wrong, why, and how fast.",
        cls=SpeakingGroup,
        no_args_is_help=True,
        pretty_exceptions_enable=False,
    )


def _listen(args: list[str]) -> None:
    """Take the language from what was typed, before anything is said about it."""
    for word, following in zip(args, [*args[1:], ""], strict=False):
        option, equals, value = word.partition("=")
        if option == LANGUAGE_OPTION and (value if equals else following) in LANGUAGES:
            choose(value if equals else following)


def _frame() -> None:
    # Only where something of Typer's is printed: its rich_utils take 60 ms to load.
    from typer import rich_utils

    for name, text in FRAME.items():
        if hasattr(rich_utils, name):
            setattr(rich_utils, name, _(text))
    # What is coloured in the line of usage.
    usage = f"(?P<usage>{re.escape(_(USAGE))})"
    coloured = type(rich_utils.highlighter)
    if usage not in coloured.highlights:
        coloured.highlights = [*coloured.highlights, usage]


def _usage_of(command: Any, context: Any) -> list[str]:
    """Return what follows a command's name: its options, then each argument by its name.

    Releases of Typer write the arguments differently, so they are written here.
    """
    pieces = [_(OPTIONS)]
    for parameter in command.get_params(context):
        if parameter.param_type_name == "argument":
            name = str(parameter.metavar or parameter.name)
            pieces.append((name if parameter.required else f"[{name}]") + "..." * (parameter.nargs == -1))
    return pieces


def _translated_option(option: Any) -> Any:
    if option is not None and option.help:
        option.help = _(option.help)
    return option


def _install_completion(context: Any, parameter: Any, value: Any) -> Any:
    """Do what Typer's option does, in the reader's language."""
    if not value or context.resilient_parsing:
        return value
    from typer.completion import install  # type: ignore[attr-defined]

    try:
        with redirect_stdout(io.StringIO()), redirect_stderr(io.StringIO()):
            shell, place = install(shell=value) if isinstance(value, str) else install()
    except typer.Exit:
        context.fail(_("this shell has no completion; it is there for bash, zsh, fish and PowerShell"))
    print(
        _(
            "Completion for {shell} is installed in {place}; it works in every new terminal.",
            shell=shell,
            place=place,
        )
    )
    sys.exit(0)


def _translate_help(command: Any) -> None:
    command.help = _(command.help or "") or None
    for parameter in command.params:
        if getattr(parameter, "help", None):
            parameter.help = _(parameter.help)
    _frame()


@contextmanager
def _in_own_words(command: Any) -> Iterator[None]:
    """Say what was typed wrong from what the exception carries; what carries nothing keeps its sentence."""
    try:
        yield
    except Exception as error:
        _frame()
        kind, parameter = type(error).__name__, getattr(error, "param", None)
        if kind == "NoSuchOption":
            known = [name for item in command.params for name in getattr(item, "opts", ())]
            option: str = error.option_name  # type: ignore[attr-defined]
            said = _("there is no option {name}", name=option) + str(did_you_mean(option, known))
            error.message, error.possibilities = said, None  # type: ignore[attr-defined]
        elif kind == "MissingParameter" and parameter is not None:
            name = _shown(parameter)
            said = _("{name} is missing", name=name) + _there_are(name, getattr(error, "ctx", None))
            raise _usage_error(error, said) from None
        elif kind == "BadParameter" and parameter is not None:
            expected = _expected(parameter)
            if expected:
                said = _("{name}: expected {expected}", name=_shown(parameter), expected=expected)
                raise _usage_error(error, said) from None
        elif kind == "BadOptionUsage":
            error.message = _misused(command, error.option_name)  # type: ignore[attr-defined]
        elif kind == "UsageError":
            extra = TOO_MANY.match(str(error.message))  # type: ignore[attr-defined]
            if extra:
                usage = " ".join(_usage_of(command, error.ctx))  # type: ignore[attr-defined]
                said = _("`{words}` is too much; what can stand here is: {usage}", words=extra[1], usage=usage)
                error.message = said  # type: ignore[attr-defined]
        raise


def _misused(command: Any, name: str) -> str:
    """Return what is said of an option without its value, and of a switch with one."""
    option = next((item for item in command.params if name in getattr(item, "opts", ())), None)
    if option is None or getattr(option, "is_flag", False):
        return _("{option} is a switch and takes no value", option=name)
    expected = _expected(option) or str(option.metavar or "")
    if expected:
        return _("{option} needs a value behind it: {expected}", option=name, expected=expected)
    return _("{option} needs a value behind it", option=name)


def _there_are(name: str, context: Any) -> str:
    """Return what may stand in the place of a missing name, to stand behind another sentence."""
    from grader.language.errors import GraderError
    from grader.project.contract import list_labs
    from grader.project.places import Project

    with suppress(GraderError):
        project = Project.find()
        if name == "LAB":
            return _("; the labs here are: {known}", known=", ".join(list_labs(project.root / "labs")))
        if name == "CHECK" and "lab" in getattr(context, "params", {}):
            lab = project.lab(str(context.params["lab"]))
            return _("; lab {lab} has: {known}", lab=lab.name, known=", ".join(lab.checks))
    return ""


def _usage_error(error: Any, said: str) -> Exception:
    # The class of the exception at hand, whose module Typer has moved from one release to the next.
    usage = next(base for base in type(error).__mro__ if base.__name__ == "UsageError")
    made: Exception = usage(said, ctx=error.ctx)
    return made


def _shown(parameter: Any) -> str:
    options = [name for name in parameter.opts if name.startswith("--")]
    return options[0] if options else str(parameter.metavar or parameter.name)


def _expected(parameter: Any) -> str:
    """Return what a parameter may be; empty where that is not known.

    Older releases of Typer keep its type in ``type``, as click does; newer ones the annotation in
    ``type_descriptor``.
    """
    type_ = getattr(parameter, "type", None)
    annotation = getattr(getattr(parameter, "type_descriptor", None), "annotation", None)
    choices = getattr(type_, "choices", None) or (annotation if isinstance(annotation, EnumMeta) else None)
    if choices:
        return ", ".join(str(getattr(choice, "value", choice)) for choice in choices)
    name = str(getattr(type_, "name", ""))
    if annotation is int or name.startswith("integer"):
        kind = _(WHOLE_NUMBER)
    elif annotation is float or name.startswith("float"):
        kind = _(NUMBER)
    else:
        return ""
    holder = type_ if type_ is not None else parameter
    low, high = getattr(holder, "min", None), getattr(holder, "max", None)
    if low is None:
        return kind
    if high is None:
        return _("{kind} of at least {low}", kind=kind, low=low)
    return _("{kind} from {low} to {high}", kind=kind, low=low, high=high)
