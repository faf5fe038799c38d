"""The seed's import name gives the identical objects, with their types."""

from importlib.resources import files

import fluffy_agent
import pytest

import fluffy_nb


def test_the_alias_names_everything_that_is_public():
    assert set(fluffy_agent.__all__) == set(fluffy_nb.__all__)


@pytest.mark.parametrize("name", fluffy_agent.__all__)
def test_the_alias_gives_the_identical_object(name):
    assert getattr(fluffy_agent, name) is getattr(fluffy_nb, name)


@pytest.mark.parametrize("package", ["fluffy_nb", "fluffy_agent"])
def test_type_checkers_are_told_that_the_package_is_typed(package):
    assert files(package).joinpath("py.typed").is_file()
