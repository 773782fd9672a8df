"""Recordings and answers that are none: lists, scripts and descriptions that name other files."""

from __future__ import annotations

import platform
import subprocess
import sys
import threading
from pathlib import Path

import pytest
from hushd_protocol.errors import HushdError
from hushd_worker.media import ALLOWED
from hushd_worker_stt.audio.recording import Recording
from support.playlists import FILES, WORDS, private_files
from support.stt_jobs import make_job

REFUSED = {
    "names other files": "concat dash hls imf webm_dash_manifest image2 image2pipe vobsub mlv dvdvideo",
    "a stream to be fetched": "rtp rtsp sap sdp msnwctcp mpjpeg live_flv mpegtsraw rcwt",
    "a device": (
        "alsa fbdev iec61883 jack kmsgrab libcdio libdc1394 openal oss pulse sndio video4linux2,v4l2 x11grab xcbgrab "
        "avfoundation decklink dshow gdigrab libndi_newtek bktr vfwcap android_camera"
    ),
    "a script, or music made from notes: endless, and no recording": (
        "lavfi avisynth vapoursynth sbg libgme libopenmpt libmodplug"
    ),
    "text": (
        "aqtitle ass bin ffmetadata idf adf xbin tty jacosub lrc mcc microdvd mpl2 mpsub pjs realtext sami scc srt stl "
        "subviewer subviewer1 sup tedcaptions vplayer webvtt dvbsub dvbtxt"
    ),
    "pictures": (
        "alias_pix apng brender_pix gif ico fits filmstrip msp txd cdg cine ser pdv animated_webp webp_anim "
        "bmp_pipe cri_pipe dds_pipe dpx_pipe exr_pipe gem_pipe gif_pipe hdr_pipe j2k_pipe jpeg_pipe jpegls_pipe "
        "jpegxl_pipe jpegxl_anim jpegxs_pipe pam_pipe pbm_pipe pcx_pipe pfm_pipe pgm_pipe pgmyuv_pipe pgx_pipe "
        "phm_pipe photocd_pipe pictor_pipe png_pipe ppm_pipe psd_pipe qdraw_pipe qoi_pipe sgi_pipe sunrast_pipe "
        "svg_pipe tiff_pipe vbn_pipe webp_pipe xbm_pipe xpm_pipe xwd_pipe"
    ),
    "video alone, which has no sound": (
        "av1 avs2 avs3 bitpacked cavsvideo dirac dnxhd evc vvc apv h261 h263 h264 hevc ingenient ipu ivf iv8 lmlm4 lvf "
        "luodat ifv m4v mjpeg mjpeg_2000 mpegvideo mxg nc obu rawvideo v210 v210x vc1 vc1test yuv4mpegpipe smjpeg "
        "simbiosis_imx cdxl tiertexseq"
    ),
    "samples without a header, which nothing recognises": (
        "alaw mulaw f32be f32le f64be f64le s16be s16le s24be s24le s32be s32le s8 u16be u16le u24be u24le u32be u32le "
        "u8 vidc sln aptx aptx_hd codec2raw data dfpwm g722 g726 g726le g728"
    ),
    "a game's or a console's, whose decoders few people look at": (
        "3dostr 4xm aax ace acm adp ads adx afc aix alp anm apc apm argo_asf argo_brp argo_cvg ast avs bethsoftvid bfi "
        "bfstm bink binka bmv boa brstm c93 dcstr derf dfa dsicin dxa ea ea_cdata film_cpk flic frm fsb fwse gdv genh "
        "hca hnm idcin ipmovie iss jv kvag mca mgsts mm mmf mods moflex msf mtaf musx mv mvi paf pp_bnk psxstr "
        "redspark rl2 roq rpl rsd scd sdns sdr2 sdx sga siff smk smush sol svag svs thp tmv usm vag vividas vmd vpk "
        "wady wsaud wsvqa wc3movie xa xmd xmv xvag yop cri"
    ),
    "an old archiver's or a camera's, whose decoders few people look at either": "apac bonk hxvs rka wavarc",
}


def test_every_format_is_allowed_or_refused_with_a_reason() -> None:
    """A format that newer libraries bring is refused until somebody has looked at it, and this test asks for that."""
    import av

    allowed = {name for names in ALLOWED for name in names.split(",")}
    offered = {name for name in av.formats_available if av.ContainerFormat(name.partition(",")[0]).is_input}
    offered = {name for names in offered for name in names.split(",")}
    refused = {name for names in REFUSED.values() for word in names.split() for name in word.split(",")}
    assert len(offered) > 100
    assert offered - allowed - refused == set()
    assert refused & allowed == set()


@pytest.mark.parametrize("way", ["path", "bytes"])
@pytest.mark.parametrize("name", FILES)
def test_nothing_of_another_file_is_read(tmp_path: Path, name: str, way: str) -> None:
    """Each of the files is refused in one sentence without a word of the file that it names, and at once."""
    private = private_files(tmp_path)
    data = FILES[name](private)
    private.itself.write_bytes(data)
    job, _ = make_job(private.itself if way == "path" else data)
    timer = threading.Timer(30, job.cancel)  # what the endless ones took
    timer.start()
    try:
        with pytest.raises(HushdError) as caught, Recording(job) as recording:
            list(recording.blocks())
    finally:
        timer.cancel()
    assert caught.value.code == "input_unreadable"
    assert WORDS not in caught.value.message
    assert "\n" not in caught.value.message


# Reads the files of its arguments as a recording and as a server's answer, the first one, which is sound, to have all
# loaded; the kernel kills it if it then opens a file or makes a socket.
LOCKED = """
import ctypes, os, struct, sys
from hushd_protocol.errors import HushdError
from hushd_worker.server.exchange import Broken
from hushd_worker_stt.audio.extent import Bytes
from hushd_worker_stt.audio.film import Film
from hushd_worker_tts.engines.received_sound import decoded
def lock(*calls):
    rows = [(0x20, 0, 0, 0), *((0x15, len(calls) - at, 0, call) for at, call in enumerate(calls))]
    program = b"".join(struct.pack("HBBI", *row) for row in (*rows, (6, 0, 0, 0x7FFF0000), (6, 0, 0, 0x80000000)))
    kept = ctypes.create_string_buffer(program)
    filters = ctypes.create_string_buffer(struct.pack("HxxxxxxQ", len(program) // 8, ctypes.addressof(kept)))
    prctl = ctypes.CDLL(None).prctl
    assert prctl(38, 1, 0, 0, 0) == 0 and prctl(22, 2, filters) == 0
def heard(descriptor):
    for read in (recording, lambda each: list(decoded(iter([os.pread(each, 10**7, 0)]), "audio/mpeg"))):
        try:
            yield bool(read(descriptor))
        except (HushdError, Broken):
            yield False
def recording(descriptor):
    with Film(Bytes(descriptor, lambda: None), "It") as film:
        return list(film.blocks())
os.chdir(os.path.dirname(sys.argv[2]))
sound, *files = [os.open(path, os.O_RDONLY) for path in sys.argv[2:]]
assert all(heard(sound))
lock(*map(int, sys.argv[1].split(",")))
for path, file in zip(sys.argv[3:], files):
    print(os.path.basename(path), flush=True)
    assert not any(heard(file))
os._exit(0)
"""
# Numbers from asm/unistd.h: open, where there is one, openat, openat2 and socket
CALLS = {"x86_64": "2,257,437,41", "aarch64": "56,437,198"}


@pytest.mark.skipif(sys.platform != "linux" or platform.machine() not in CALLS, reason="its system calls are unknown")
def test_the_kernel_sees_no_other_file_and_no_socket(tmp_path: Path) -> None:
    """They come as recordings, and as what a speech server sends for sound, and name a file by its path or its name."""
    private = private_files(tmp_path)
    for name, content in FILES.items():
        (tmp_path / name).write_bytes(content(private))
        (tmp_path / f"{name} near").write_bytes(content(private).replace(f"{tmp_path}/".encode(), b""))
    files = [str(path) for path in tmp_path.iterdir() if path.name.removesuffix(" near") in FILES]
    program = [sys.executable, "-c", LOCKED, CALLS[platform.machine()], str(private.sound), *files]
    done = subprocess.run(program, stdout=subprocess.PIPE, text=True)
    assert done.returncode == 0, done.stdout.splitlines()[-1:]
