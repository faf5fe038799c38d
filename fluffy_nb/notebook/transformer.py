"""`%%fluffy` becomes a real cell, and `%fluffy` lines are awaited.

A cell magic gets its body as a string and runs outside the loop. So the first line of a `%%fluffy`
cell is replaced by a call and another is added behind the last: all between them stays a cell as
any other, with its own line numbers, top-level `await`, history, debugger and error messages.

    get_ipython().fluffy.begin("review --run", ("draft", "publish"))
    async def draft(context): ...
    async def publish(context): ...
    get_ipython().fluffy.define()
    await get_ipython().fluffy.end(<the last expression of the cell>)

The names, `define` and the last expression come in when the text has been parsed, so that a text
with a syntax error is refused by Python as the person wrote it.
"""

from __future__ import annotations

import ast
import re
from collections.abc import Iterator

from IPython.core.interactiveshell import InteractiveShell

MAGIC = "fluffy"
_CELL = re.compile(r"%%fluffy(?!\S)(.*)")
_OTHER_CELL = re.compile(r"%%([^\W\d][\w.]*|!)")
_OF_TEXT = frozenset({
    "!", "HTML", "SVG", "bash", "cmd", "file", "html", "javascript", "js", "latex", "markdown",
    "perl", "pypy", "ruby", "script", "sh", "svg", "sx", "system", "writefile",
})  # fmt: skip
"""The cell magics that take any text, and do not run it as a cell."""
_CALL = "get_ipython().fluffy.{}({})\n"
_END = "await " + _CALL.format("end", "")
_SILENT_END = _END.replace("\n", ";\n")
_LINE_MAGIC = f"get_ipython().run_line_magic('{MAGIC}', "
_AWAITED = f"await get_ipython().{MAGIC}.line("

_LOOPS = (ast.For, ast.AsyncFor, ast.While)
_SCOPES = (ast.FunctionDef, ast.AsyncFunctionDef, ast.Lambda, ast.ClassDef, ast.GeneratorExp)


def install(shell: InteractiveShell) -> None:
    """Have the shell transform cells; once, however often it is called."""
    uninstall(shell)
    shell.input_transformers_cleanup.append(frame_cell)
    shell.input_transformers_post.append(await_lines)
    shell.ast_transformers.append(FrameFiller())


def uninstall(shell: InteractiveShell) -> None:
    """Take the transformers away, those of an earlier load of this module too."""
    for transformers in (
        shell.input_transformers_cleanup,
        shell.input_transformers_post,
        shell.ast_transformers,
    ):
        transformers[:] = [one for one in transformers if not _is_ours(one)]


def _is_ours(transformer: object) -> bool:
    module = getattr(transformer, "__module__", "") or ""
    return module == __name__


# ---------------------------------------------------------------- text


def frame_cell(lines: list[str]) -> list[str]:
    """Frame the body of a `%%fluffy` cell by two calls.

    Args:
        lines: The cell as it was written.

    Returns:
        As many lines and one; those of any other cell as they are.
    """
    match = _CELL.match(lines[0]) if lines else None
    if match is None:
        outer = _magic_around(lines)
        return lines if outer is None else [_CALL.format("misplaced", repr(outer))]
    if not _can_await():
        return [_CALL.format("unawaitable", repr(f"%%{MAGIC} {match[1].strip()}"))]
    body = lines[1:]
    begin = _CALL.format("begin", repr(match[1].strip()))
    return [begin, *body, _SILENT_END if _is_silenced(body) else _END]


def _magic_around(lines: list[str]) -> str | None:
    """The cell magic that stands above a line with `%%fluffy`, as in `%%time`."""
    outer = None
    for line in lines:
        other = _OTHER_CELL.match(line)
        if _CELL.match(line):
            return outer
        if other is not None and other[1] not in _OF_TEXT:
            outer = outer or f"%%{other[1]}"
        elif outer is None or (line.strip() and not line.lstrip().startswith("#")):
            return None
    return None


def _can_await() -> bool:
    """Whether a cell may await: not after `%autoawait off`."""
    shell = InteractiveShell.instance() if InteractiveShell.initialized() else None
    return shell is None or bool(shell.autoawait)


def _is_silenced(body: list[str]) -> bool:
    """Whether a semicolon behind the last expression says not to show it."""
    written = [line.strip() for line in body if line.strip() and line.lstrip()[0] != "#"]
    return bool(written) and written[-1].endswith(";")


def await_lines(lines: list[str]) -> list[str]:
    """Await every `%fluffy` line that is not inside a function; open a frame that can't be parsed.

    Args:
        lines: The cell after IPython's own transformations.

    Returns:
        The same lines, calls of the magic replaced where they can be awaited.
    """
    text = "".join(lines)
    framed = _END in lines[-1:] or _SILENT_END in lines[-1:]
    if (_LINE_MAGIC not in text and not framed) or not _can_await():
        return lines
    try:
        tree = ast.parse(text)
    except SyntaxError:
        return lines[:-1] if framed else lines  # Python says so, and shows no line of ours
    encoded = [line.encode() for line in text.splitlines(keepends=True)]
    for call in reversed(list(_magic_calls(tree))):
        line = encoded[call.lineno - 1]
        head, tail = line[: call.col_offset], line[call.col_offset :]
        tail = tail.replace(_LINE_MAGIC.encode(), _AWAITED.encode(), 1)
        encoded[call.lineno - 1] = head + tail
    return [line.decode() for line in encoded]


def _magic_calls(node: ast.AST) -> Iterator[ast.Call]:
    """The calls of the line magic in this scope, in the order of the text."""
    for child in ast.iter_child_nodes(node):
        if isinstance(child, ast.Call) and ast.unparse(child).startswith(_LINE_MAGIC):
            yield child
        elif not isinstance(child, _SCOPES):
            yield from _magic_calls(child)


# ---------------------------------------------------------------- tree


class FrameFiller(ast.NodeTransformer):
    """Fills in the frame of a `%%fluffy` cell what only the parsed text shows."""

    def visit(self, node: ast.AST) -> ast.AST:
        """Fill a module that is framed; leave any other as it is."""
        if isinstance(node, ast.Module) and len(node.body) > 1:
            begin, end = _call(node.body[0], "begin"), _call(node.body[-1], "end")
            if begin is not None and end is not None:
                self._fill(node, begin, end)
        return node

    def _fill(self, module: ast.Module, begin: ast.Call, end: ast.Call) -> None:
        begin.args.append(_names(module.body))
        looped = _names([part for part in module.body if isinstance(part, _LOOPS)])
        if looped.elts:
            begin.args.append(looped)
        before = module.body[-2]
        if isinstance(before, ast.Expr) and _call(before, "begin") is None:
            end.args.append(before.value)
            del module.body[-2]
        last = max(
            (n for n, statement in enumerate(module.body) if _brings_functions(statement)),
            default=0,
        )
        define = ast.parse(_CALL.format("define", "")).body[0]
        ast.copy_location(define, module.body[last])
        module.body.insert(last + 1, define)
        ast.fix_missing_locations(module)


def _names(statements: list[ast.stmt]) -> ast.Tuple:
    names = dict.fromkeys(name for statement in statements for name in _functions(statement))
    return ast.Tuple([ast.Constant(name) for name in names], ast.Load())


def _brings_functions(statement: ast.stmt) -> bool:
    """Whether a statement defines functions of the cell, or imports what can be some."""
    return any(_functions(statement)) or isinstance(statement, ast.Import | ast.ImportFrom)


def _call(statement: ast.stmt, method: str) -> ast.Call | None:
    """The call of a frame's method that a statement is, if it is one."""
    value = statement.value if isinstance(statement, ast.Expr) else None
    value = value.value if isinstance(value, ast.Await) else value
    if isinstance(value, ast.Call) and ast.unparse(value.func) == f"get_ipython().fluffy.{method}":
        return value
    return None


def _functions(statement: ast.AST) -> Iterator[str]:
    """The names of the functions a statement defines in the cell's own scope."""
    if isinstance(statement, ast.FunctionDef | ast.AsyncFunctionDef):
        yield statement.name
    elif not isinstance(statement, _SCOPES):
        for child in ast.iter_child_nodes(statement):
            yield from _functions(child)
