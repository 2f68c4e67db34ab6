"""SDP: what of an offer is taken, what is refused, what is answered. Pure."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from aiortc.sdp import SessionDescription
from hypothesis import given
from hypothesis import strategies as st

from streamer.answer import LocalTransport, Sending, make_answer
from streamer.negotiation import Offer, parse_offer
from vms.errors import InputError

CHROMIUM = (Path(__file__).parent / "offers" / "chromium.sdp").read_text(encoding="utf-8")
TRANSPORT = LocalTransport("ufrg", "p" * 22, ("sha-256", "AA"), (("192.0.2.9", 40000, 2130706431),))


def parse(text: object, max_videos: int = 64) -> Offer:
    """With the limits of the service."""
    return parse_offer(text, max_bytes=262_144, max_videos=max_videos)


def videos(count: int, *, extra: str = "") -> str:
    """A small offer of `count` videos."""
    mids = " ".join(str(i) for i in range(count))
    head = f"v=0\r\no=- 1 1 IN IP4 0.0.0.0\r\ns=-\r\nt=0 0\r\na=group:BUNDLE {mids}\r\n"
    head += f"a=ice-ufrag:abcd\r\na=ice-pwd:{'x' * 24}\r\na=fingerprint:sha-256 {':'.join(['AB'] * 32)}\r\n"
    body = (
        "m=video 9 UDP/TLS/RTP/SAVPF 96 97\r\na=mid:{0}\r\na=recvonly\r\na=rtcp-mux\r\na=rtpmap:96 H264/90000\r\n"
        "a=fmtp:96 packetization-mode=1;profile-level-id=42e01f\r\na=rtpmap:97 rtx/90000\r\na=fmtp:97 apt=96\r\n"
    )
    return head + "".join(body.format(i) for i in range(count)) + extra


def test_chromium_is_read() -> None:
    """Chromium's own offer: constrained baseline, packetization-mode 1, its RTX, both m-lines."""
    offer = parse(CHROMIUM)
    assert len(offer.media) == 2
    assert offer.videos() == [0, 1]
    video = offer.media[0].video
    assert video is not None
    assert f"a=rtpmap:{video.payload_type} H264/90000" in CHROMIUM
    assert video.fmtp == "level-asymmetry-allowed=1;packetization-mode=1;profile-level-id=42e01f"
    assert f"a=fmtp:{video.rtx} apt={video.payload_type}" in CHROMIUM
    assert set(video.feedback) == {"nack", "nack pli", "ccm fir"}
    assert (offer.media[0].mid_extension, offer.media[0].playout_extension) == (9, 5)
    assert offer.answer_setup == "active"


def test_the_answer_is_what_aiortc_and_a_browser_read() -> None:
    """sendonly, one codec with its RTX, SSRCs, all in one bundle, candidates."""
    offer = parse(CHROMIUM)
    text = make_answer(offer, [Sending(1000 + i, 2000 + i, f"t{i}") for i in range(2)], TRANSPORT, session=7)
    answer = SessionDescription.parse(text)
    assert [m.direction for m in answer.media] == ["sendonly", "sendonly"]
    assert [m.rtp.codecs[0].mimeType for m in answer.media] == ["video/H264", "video/H264"]
    assert [[s.ssrc for s in m.ssrc] for m in answer.media] == [[1000, 2000], [1001, 2001]]
    assert answer.group[0].items == ["0", "1"]
    assert text.count("a=candidate:1 1 udp 2130706431 192.0.2.9 40000 typ host\r\n") == 2
    assert answer.media[0].dtls is not None
    assert answer.media[0].dtls.role == "client"


def test_what_is_not_sent_is_refused_in_the_answer() -> None:
    """A player that offers audio too gets port 0 for it, outside the bundle."""
    audio = "m=audio 9 UDP/TLS/RTP/SAVPF 111\r\na=mid:a\r\na=recvonly\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n"
    offer = parse(videos(1, extra=audio))
    assert offer.videos() == [0]
    text = make_answer(offer, [Sending(1, 2, "t"), None], TRANSPORT, session=1)
    assert "m=audio 0 UDP/TLS/RTP/SAVPF 111" in text
    assert "a=group:BUNDLE 0\r\n" in text


@pytest.mark.parametrize(
    ("change", "say"),
    [
        (lambda s: s.replace("a=ice-ufrag:abcd\r\n", ""), "ICE"),
        (lambda s: re.sub(r"a=ice-pwd:x+", "a=ice-pwd:short", s), "ICE"),
        (lambda s: re.sub(r"a=fingerprint.*\r\n", "", s), "fingerprint"),
        (lambda s: s.replace("sha-256 ", "sha-1 "), "fingerprint"),
        (lambda s: s.replace("AB:AB\r\n", "AB\r\n"), "fingerprint"),
        (lambda s: s.replace("H264", "VP8"), "H.264"),
        (lambda s: s.replace("packetization-mode=1", "packetization-mode=0"), "H.264"),
        (lambda s: s.replace("a=rtcp-mux\r\n", ""), "H.264"),
        (lambda s: s.replace("a=recvonly", "a=sendonly"), "H.264"),
        (lambda s: s.replace("a=group:BUNDLE 0", "a=group:LS 0"), "H.264"),
        (lambda s: s.replace("UDP/TLS/RTP/SAVPF", "RTP/AVP"), "H.264"),
        (lambda s: s.replace("m=video 9", "m=video 0"), "H.264"),
        (lambda s: s.replace("a=mid:0\r\n", ""), "a=mid"),
        (lambda s: s.replace("a=mid:0", "a=mid:0 a=evil"), "a=mid"),
        (lambda s: s.replace("a=recvonly", "a=setup:holdconn\r\na=recvonly"), "a=setup"),
        (lambda s: s.replace("m=video 9", "m=video nine"), "m-line"),
        (lambda s: s + s[s.index("m=") :], "alike"),
        (lambda s: "x" + s, "v=0"),
        (lambda s: s[: s.index("m=")], "no media"),
        (lambda s: "", "v=0"),
        (lambda s: None, "text"),
        (lambda s: b"v=0", "text"),
        (lambda s: s + "a=x:" + "y" * 262_144, "at most"),
        (lambda s: videos(65), "65 videos"),
        (lambda s: s + "m=audio 9 x 1\r\na=mid:a\r\n" * 300, "far too many"),
    ],
)
def test_bad_offers_are_refused(change: object, say: str) -> None:
    """Each with a plain word of what is missing."""
    with pytest.raises(InputError, match=re.escape(say)):
        parse(change(videos(1)))  # type: ignore[operator]


@given(st.text(max_size=200), st.integers(0, 10**6), st.integers(0, 300))
def test_any_text_is_either_read_or_refused(noise: str, at: int, cut: int) -> None:
    """Whatever is put into or cut out of an offer: an Offer or an InputError, and no foreign line in the answer."""
    base = videos(3)
    at %= len(base)
    try:
        offer = parse(base[:at] + noise + base[at + cut :])
    except InputError:
        return
    sending = [Sending(i, i, "t") if m.video else None for i, m in enumerate(offer.media)]
    text = make_answer(offer, sending, TRANSPORT, session=1)
    assert all(re.fullmatch(r"[a-z]=[ -~]+", line) for line in text.removesuffix("\r\n").split("\r\n"))


def test_profiles_are_chosen_by_simplicity() -> None:
    """High alone is taken; with constrained baseline beside it, that one."""
    high = videos(1).replace("42e01f", "640c1f")
    assert "640c1f" in parse(high).media[0].video.fmtp  # type: ignore[union-attr]
    both = high.replace("SAVPF 96 97", "SAVPF 96 97 98") + (
        "a=rtpmap:98 H264/90000\r\na=fmtp:98 packetization-mode=1;profile-level-id=42E01F\r\n"
    )
    video = parse(both).media[0].video
    assert video is not None
    assert (video.payload_type, video.rtx) == (98, None)


HEVC = (
    "a=rtpmap:98 H265/90000\r\na=fmtp:98 level-id=150;profile-id=1;tier-flag=0;tx-mode=SRST\r\n"
    "a=rtpmap:99 rtx/90000\r\na=fmtp:99 apt=98\r\na=rtcp-fb:98 nack\r\n"
)


def test_h265_is_taken_beside_h264_where_it_is_offered() -> None:
    """Both payload types with their RTX in the answer, H.264 first, one SSRC."""
    offer = parse(videos(1).replace("SAVPF 96 97", "SAVPF 96 97 98 99") + HEVC)
    hevc = offer.media[0].hevc
    assert hevc is not None
    assert (hevc.payload_type, hevc.rtx, hevc.feedback) == (98, 99, ("nack",))
    text = make_answer(offer, [Sending(1, 2, "t")], TRANSPORT, session=1)
    assert "m=video 9 UDP/TLS/RTP/SAVPF 96 97 98 99\r\n" in text
    assert "a=fmtp:98 level-id=150;profile-id=1;tier-flag=0;tx-mode=SRST\r\n" in text
    answer = SessionDescription.parse(text)
    assert [c.mimeType for c in answer.media[0].rtp.codecs] == ["video/H264", "video/rtx", "video/H265", "video/rtx"]
    assert [s.ssrc for s in answer.media[0].ssrc] == [1, 2]


@pytest.mark.parametrize("change", ["profile-id=2", "tx-mode=MRMT"])
def test_h265_that_cameras_do_not_send_is_not_taken(change: str) -> None:
    """Main profile in one stream alone; H.264 is served all the same."""
    hevc = re.sub(change.partition("=")[0] + r"=\w+", change, HEVC)
    offer = parse(videos(1).replace("SAVPF 96 97", "SAVPF 96 97 98 99") + hevc)
    assert offer.media[0].video is not None
    assert offer.media[0].hevc is None


def test_a_sound_beside_the_videos_is_answered_as_g711() -> None:
    """Both laws, sent only, in the bundle; a sound that has no G.711 is not taken."""
    audio = (
        "m=audio 9 UDP/TLS/RTP/SAVPF 111 0 8\r\na=mid:a\r\na=recvonly\r\na=rtcp-mux\r\na=rtpmap:111 opus/48000/2\r\n"
    )
    text = videos(1, extra=audio).replace("BUNDLE 0", "BUNDLE 0 a")
    offer = parse(text)
    assert offer.videos() == [0]
    answer = make_answer(offer, [Sending(1, 2, "t"), Sending(3, 0, "s")], TRANSPORT, session=1)
    heard = SessionDescription.parse(answer).media[1]
    assert [c.mimeType for c in heard.rtp.codecs] == ["audio/PCMU", "audio/PCMA"]
    assert (heard.direction, [s.ssrc for s in heard.ssrc]) == ("sendonly", [3])
    assert "a=group:BUNDLE 0 a" in answer
    assert parse(text.replace("SAVPF 111 0 8", "SAVPF 111")).media[1].audio is None


def test_the_role_a_viewer_insists_on() -> None:
    """setup:active leaves passive to us."""
    assert parse(videos(1).replace("a=ice-pwd", "a=setup:active\r\na=ice-pwd")).answer_setup == "passive"
    assert parse(videos(1).replace("a=ice-pwd", "a=setup:passive\r\na=ice-pwd")).answer_setup == "active"
