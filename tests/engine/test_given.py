"""Answers that a body has got, for one that begins again."""

from fluffy_nb.engine.given import Given


def answered(given, execution, text, answer):
    asked = given.ask(execution, text)
    asked["answer"] = answer
    return asked


def restarted(asked):
    given = Given()
    given.give_again(1, asked)
    return given


def test_S11_5_answers_are_told_in_the_order_of_the_questions():
    given = Given()
    first = given.ask(1, "a?")
    answered(given, 1, "b?", 2)
    answered(given, 2, "other?", 3)
    assert given.of(1) == [{"text": "a?"}, {"text": "b?", "answer": 2}]
    first["answer"] = 1
    assert given.of(1) == [{"text": "a?", "answer": 1}, {"text": "b?", "answer": 2}]
    assert given.of(2) == [{"text": "other?", "answer": 3}]
    assert given.of(3) == []


def test_questions_without_an_answer_at_the_end_are_not_told():
    given = Given()
    answered(given, 1, "a?", None)  # null is an answer
    given.ask(1, "b?")
    assert given.of(1) == [{"text": "a?", "answer": None}]


def test_S11_5_they_are_given_in_order_while_the_text_is_the_same():
    given = restarted([{"text": "a?", "answer": 1}, {"text": "b?"}, {"text": "c?", "answer": 3}])
    assert given.ask(1, "a?")["answer"] == 1
    assert "answer" not in given.ask(1, "b?")
    assert given.ask(1, "c?")["answer"] == 3
    assert "answer" not in given.ask(1, "d?")


def test_S11_5_the_first_text_that_differs_drops_the_rest():
    given = restarted([{"text": "a?", "answer": 1}, {"text": "b?", "answer": 2}])
    assert "answer" not in given.ask(1, "A?")
    assert "answer" not in given.ask(1, "b?")
    assert given.of(1) == []


def test_another_execution_gets_none_of_them():
    given = restarted([{"text": "a?", "answer": 1}])
    assert "answer" not in given.ask(2, "a?")
    assert given.ask(1, "a?")["answer"] == 1


def test_what_is_still_to_be_given_is_told_as_well():
    asked = [{"text": "a?", "answer": 1}, {"text": "b?", "answer": 2}]
    given = restarted(asked)
    assert given.of(1) == asked
    given.ask(1, "a?")
    assert given.of(1) == asked


def test_a_body_that_was_interrupted_gets_its_answers_again():
    given = Given()
    answered(given, 1, "a?", 1)
    given.begin_again(1)
    assert given.of(1) == [{"text": "a?", "answer": 1}]
    assert given.ask(1, "a?")["answer"] == 1
    given.begin_again(2)
    assert given.of(2) == []


def test_a_body_that_has_ended_leaves_nothing():
    given = Given()
    answered(given, 1, "a?", 1)
    given.give_again(2, [{"text": "a?", "answer": 1}])
    given.forget(1)
    given.forget(2)
    assert given.of(1) == given.of(2) == []
    assert "answer" not in given.ask(1, "a?")


def test_what_was_told_does_not_change_with_what_comes():
    given = Given()
    answered(given, 1, "a?", 1)
    told = given.of(1)
    again = restarted(told)
    del again.ask(1, "a?")["answer"]
    given.ask(1, "b?")
    assert told == [{"text": "a?", "answer": 1}]
