"""What the transformer makes of the text of a cell."""

from __future__ import annotations

import ast

import pytest

from fluffy_nb.notebook import transformer


@pytest.fixture
def transform(shell):
    transformer.install(shell)
    return shell.transform_cell


@pytest.fixture
def filled(shell, transform):
    return lambda cell: ast.unparse(shell.transform_ast(ast.parse(transform(cell))))


def test_a_cell_stays_a_cell_between_two_calls(transform):
    assert transform("%%fluffy review --run\nx = 1\nawait f()\n").splitlines() == [
        "get_ipython().fluffy.begin('review --run')",
        "x = 1",
        "await f()",
        "await get_ipython().fluffy.end()",
    ]


def test_names_definition_and_last_value_come_into_the_frame(filled):
    cell = "%%fluffy r\nasync def a(context): pass\nif x:\n    def b(context): pass\nx = 1\nx + 1"
    lines = filled(cell).splitlines()
    assert lines[0] == "get_ipython().fluffy.begin('r', ('a', 'b'))"
    assert lines[-3:] == [
        "get_ipython().fluffy.define()",
        "x = 1",
        "await get_ipython().fluffy.end(x + 1)",
    ]


@pytest.mark.parametrize(
    "inside", ["class C:\n    def {}(self): pass", "def f():\n    def {}(): pass"]
)
def test_only_functions_of_the_cells_own_scope_are_named(filled, inside):
    assert "'inner'" not in filled("%%fluffy r\n" + inside.format("inner")).splitlines()[0]


def test_a_cell_without_functions_is_defined_at_its_beginning(filled):
    assert filled("%%fluffy r\nx = 1").splitlines() == [
        "get_ipython().fluffy.begin('r', ())",
        "get_ipython().fluffy.define()",
        "x = 1",
        "await get_ipython().fluffy.end()",
    ]


def test_a_semicolon_silences_the_last_expression(transform):
    assert transform("%%fluffy r\n1;  \n# done\n").endswith("await get_ipython().fluffy.end();\n")
    assert transform("%%fluffy r\n# 1;\n").endswith("await get_ipython().fluffy.end()\n")


@pytest.mark.parametrize("body", ["def f(:\n  pass", "def f():\n", "x = (1,\n", "'''open\n"])
def test_a_syntax_error_leaves_the_persons_lines_only(transform, body):
    text = transform("%%fluffy r\n" + body)
    assert "fluffy.end" not in text
    assert text.splitlines()[1:] == body.splitlines()


@pytest.mark.parametrize("line", ["%%fluffyx", "%%fluffy-r", "x = 1", "%fluffy_x", "%%time"])
def test_other_cells_are_left_alone(transform, line):
    assert "get_ipython().fluffy" not in transform(line + "\nx = 2\n")


@pytest.mark.parametrize(
    ("cell", "expected"),
    [
        ("%fluffy run r", "await get_ipython().fluffy.line('run r')"),
        ("x = %fluffy wait r", "x = await get_ipython().fluffy.line('wait r')"),
        ("é = 1; y = 2\n%fluffy run é", "await get_ipython().fluffy.line('run é')"),
        ("for x in 'ab':\n    %fluffy run r", "    await get_ipython().fluffy.line('run r')"),
        ("def f():\n    %fluffy run r", "    get_ipython().run_line_magic('fluffy', 'run r')"),
        ("s = '''\n%fluffy run r\n'''", "%fluffy run r"),
        ("%fluffy run r\n%time 1", "await get_ipython().fluffy.line('run r')"),
    ],
)
def test_lines_are_awaited_outside_of_functions(transform, cell, expected):
    assert expected in transform(cell).splitlines()


def test_it_is_installed_once_and_goes_without_a_trace(shell):
    kinds = ("input_transformers_cleanup", "input_transformers_post", "ast_transformers")
    before = [list(getattr(shell, kind)) for kind in kinds]
    transformer.install(shell)
    transformer.install(shell)
    assert [len(getattr(shell, k)) - len(b) for k, b in zip(kinds, before, strict=True)] == [
        1,
        1,
        1,
    ]
    transformer.uninstall(shell)
    assert [list(getattr(shell, kind)) for kind in kinds] == before
