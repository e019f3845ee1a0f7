"""Tests of the table of wanted attributes against pydicom's dictionary."""

from pydicom.datadict import dictionary_VR, tag_for_keyword

from qc_models.dicom.attributes import ATTRIBUTES, PRIVATE_BLOCKS, PUBLIC


def test_public_tags_and_representations_are_those_of_the_dictionary() -> None:
    choices = {"XS": "US or SS"}
    for keyword, attribute in PUBLIC.items():
        assert attribute.tag == tag_for_keyword(keyword), keyword
        listed = dictionary_VR(attribute.tag)
        assert choices.get(attribute.vr, attribute.vr) in (listed, *listed.split(" or ")), keyword


def test_private_attributes_stand_in_odd_groups_and_have_names_of_their_own() -> None:
    private = [attribute for block in PRIVATE_BLOCKS for attribute in block.elements.values()]
    assert all(attribute.tag >> 16 & 1 for attribute in private)
    assert len(ATTRIBUTES) == len(PUBLIC) + len(private)
