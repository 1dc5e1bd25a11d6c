"""Concept questions: every choice is explained, and answers are read kindly."""

import pytest

from course_lib import CheckFailed, check_answer
from course_lib.checks import Question, all_questions
from course_lib.checks.question import answered_text, judge_answer
from course_lib.checks.sealed import SealedQuestion, seal_verdict, unseal

QUESTION = Question("why", "b", {"a": "Because not.", "b": "Because so."})


def answer(letter):
    return lambda: letter


@pytest.mark.parametrize("letter", ["b", "B", " b ", "(b)", "b."])
def test_a_right_letter_counts_however_it_is_typed(letter):
    assert judge_answer(QUESTION, answer(letter)) == ("b", True)


@pytest.mark.parametrize(("chosen", "letter"), [("a", "a"), ("x", ""), (None, ""), (2, "")])
def test_anything_else_is_wrong(chosen, letter):
    assert judge_answer(QUESTION, answer(chosen)) == (letter, False)


def test_a_question_must_explain_its_right_choice():
    with pytest.raises(ValueError, match="has no explanation"):
        Question("why", "c", {"a": "Because not.", "b": "Because so."})


@pytest.mark.parametrize("question", all_questions().values(), ids=lambda question: question.name)
def test_every_choice_of_every_question_gets_its_own_reason(question, capsys):
    def choose(letter):
        def function():
            return letter

        function.__name__ = f"answer_{question.name}"
        return function

    check_answer(choose(question.right))
    assert "is right" in capsys.readouterr().out
    for letter in question.explanations.keys() - {question.right}:
        with pytest.raises(CheckFailed) as caught:
            check_answer(choose(letter))
        assert caught.value.mistake == f"chose-{letter}"
        assert caught.value.exercise == f"answer_{question.name}"
        assert caught.value.possible == question.points
    assert len(set(question.explanations.values())) == len(question.explanations)


def test_an_unknown_question_is_named():
    def answer_nothing():
        return "a"

    with pytest.raises(ValueError, match="no question called 'nothing'"):
        check_answer(answer_nothing)


def test_an_unanswered_question_says_what_to_do():
    name = next(iter(all_questions()))

    def function():
        raise NotImplementedError

    function.__name__ = f"answer_{name}"
    with pytest.raises(CheckFailed, match="not answered yet"):
        check_answer(function)


def sealed(question: Question) -> SealedQuestion:
    """The question as the student edition has it."""
    texts = {
        letter: seal_verdict(question.name, letter, *question.verdict(letter))
        for letter in question.letters
    }
    return SealedQuestion(question.name, texts, question.points)


@pytest.mark.parametrize("question", all_questions().values(), ids=lambda question: question.name)
def test_a_sealed_question_says_the_same(question):
    other = sealed(question)
    for letter in ("", *question.letters):
        assert answered_text(other, letter) == answered_text(question, letter)
        assert judge_answer(other, answer(letter)) == judge_answer(question, answer(letter))


def test_an_explanation_opens_to_its_own_letter_only():
    other = sealed(QUESTION)
    assert unseal("why", "b", other.sealed["b"]) == b'[true, "Because so."]'
    for name, letter in (("why", "a"), ("how", "b")):
        assert b"Because" not in unseal(name, letter, other.sealed["b"])
    assert other.verdict("a") == (False, "Because not.")
