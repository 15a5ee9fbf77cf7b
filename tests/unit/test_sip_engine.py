"""What pjsua2 is told before it starts."""

from __future__ import annotations

import ctypes

import pjsua2 as pj

from connectors.sip.engine import _keep_every_frame


def chosen(media: pj.MediaConfig) -> int:
    algorithm = media.jbDiscardAlgo
    algorithm.disown()
    return ctypes.c_int.from_address(int(algorithm)).value


def test_the_jitter_buffer_leaves_nothing_out() -> None:
    media = pj.EpConfig().medConfig
    assert chosen(media) == 2  # PJMEDIA_JB_DISCARD_PROGRESSIVE
    _keep_every_frame(media)
    assert chosen(media) == 0  # PJMEDIA_JB_DISCARD_NONE
    _keep_every_frame(media)
    assert chosen(media) == 0
