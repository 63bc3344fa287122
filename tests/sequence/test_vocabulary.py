from __future__ import annotations

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from nncore.sequence._vocabulary import Characters, Words, encode_text


@given(st.text(st.characters(), min_size=1))
def test_characters_of_any_text_come_back(text):
    vocabulary = Characters.of_text(text, 1, None, None)
    ids = vocabulary.encode(text)
    assert ids.dtype == np.int64 and ids.shape == (len(text),)
    assert vocabulary.tokens == sorted(set(text))
    assert [vocabulary.tokens[i] for i in ids] == list(text)
    assert vocabulary.decode(ids) == text


@given(st.text("ab \n\té", min_size=1))
def test_words_come_back_with_single_blanks(text):
    vocabulary = Words.of_text(text, 1, None, "<unk>")
    lines = [" ".join(line.split()) for line in text.split("\n")]
    assert vocabulary.decode(vocabulary.encode(text)) == "\n".join(lines)


def test_words_are_split_at_blanks_and_line_breaks_are_words():
    vocabulary = Words.of_text("b a b.\nb", 1, None, "<unk>")
    assert vocabulary.tokens == ["b", "\n", "a", "b.", "<unk>"]
    np.testing.assert_array_equal(vocabulary.encode("b a\r\n new"), [0, 2, 1, 4])


def test_an_unknown_character_is_named_with_its_place():
    with pytest.raises(ValueError, match=r"text has the character 'z' \(at index 3\)"):
        Characters.of_text("abc", 1, None, None).encode("abcz")
    with pytest.raises(ValueError, match="prompt has the character 'é'"):
        Characters.of_text("abc", 1, None, None).encode("é", "prompt")


def test_an_unknown_character_becomes_the_token_for_it():
    vocabulary = Characters.of_text("aabbc", 2, None, "?")
    assert vocabulary.tokens == ["?", "a", "b"]
    np.testing.assert_array_equal(vocabulary.encode("abcé?"), [1, 2, 0, 0, 0])
    assert vocabulary.decode(vocabulary.encode("abc")) == "ab?"


def test_only_the_most_frequent_tokens_are_kept():
    assert Words.of_text("a a a b b c", 1, 3, "<unk>").tokens == ["a", "b", "<unk>"]
    assert Words.of_text("a a a <unk> <unk> b", 1, 2, "<unk>").tokens == ["a", "<unk>"]
    assert Words.of_text("a a a b b c", 2, None, "<unk>").tokens == ["a", "b", "<unk>"]
    assert Characters.of_text("aaabbc", 1, 3, "?").tokens == ["?", "a", "b"]


def test_a_text_is_cut_before_a_token():
    text = "one two  three"
    assert [Words.token_start(text, i) for i in (0, 1, 3, 4, 5, 8, 9, 12)] == [0, 4, 4, 4, 8, 8, 9, 14]
    assert Characters.token_start(text, 5) == 5


@pytest.mark.parametrize(("text", "characters"), [("ab", 1), (" one  two\n", 6)])
def test_bits_count_the_characters_after_the_first_token(text, characters):
    kind = Words if " " in text else Characters
    vocabulary = kind.of_text(text, 1, None, "<unk>" if kind is Words else None)
    encoded = encode_text(vocabulary, text)
    assert encoded.bits_per_nat == pytest.approx((len(encoded.ids) - 1) / characters / np.log(2))
