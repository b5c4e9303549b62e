"""Build speech_*.ogg and noise_*.ogg from recordings that Debian packages ship.

    apt-get download asterisk-core-sounds-{en,es,fr,it,ru}-wav=1.6.1-1 festvox-ru=0.5+dfsg-6 \
        0ad-data=0.0.26-1 supertuxkart-data=1.4+dfsg-2 endless-sky-data=0.9.8-1.2
    for package in *.deb; do dpkg -x $package sounds; done
    unzip sounds/usr/share/games/0ad/mods/public/public.zip 'audio/ambient/*' -d sounds
    pip install numpy==2.4.6 scipy==1.17.1 soundfile==0.14.0
    python data/build/sounds.py sounds

Everything becomes Vorbis of one channel at 8 kHz, the rate of the telephone prompts. Prompts of at
least a second and a half are taken from all over each collection, their ends trimmed, brought to
one level and put one after the other. The originals are checked against their sha256 (of a
speaker's files one after the other); with the versions above the result is the same bytes every
time.
"""

import argparse
import hashlib
from pathlib import Path

import numpy as np
import soundfile
from scipy.signal import resample_poly

RATE = 8000
ASTERISK = "usr/share/asterisk/sounds"
FESTIVAL = "usr/share/festival/voices/russian/msu_ru_nsh_clunits/wav"
KART = "usr/share/games/supertuxkart/data"

# Folder, seconds, sha256.
SPEECH = {
    "allison_en": (
        f"{ASTERISK}/en_US_f_Allison",
        200,
        "dca3dba15cf9bd8f236f76d3425ddede456b98668baec7475d3f926941c1fee4",
    ),
    "allison_es": (
        f"{ASTERISK}/es_MX_f_Allison",
        120,
        "b81aad53d57ccae3354ed31b7028f86e5d3450698252f581cb685fa301552930",
    ),
    "ivrvoice_ru": (
        f"{ASTERISK}/ru_RU_f_IvrvoiceRU",
        220,
        "6182544cc0131166ba9f107221d4e3acbf6b7694f8c8a1c7928a86abd4db7506",
    ),
    "nsh_ru": (FESTIVAL, 260, "be1aae55920d1f19c2dd237854d21af34dbc4078794c9b05dfb8cc490cc76f52"),
    "carlo_it": (
        f"{ASTERISK}/it_IT_m_Carlo",
        120,
        "0d7a718401a4901eed0eb922de912ac5097c1498374584cd702a640ff04d10de",
    ),
    "june_fr": (
        f"{ASTERISK}/fr_CA_f_June",
        120,
        "06a9cd88a6df102f215b8900c309fc27a0028f996710373c3db8d612b3fc2fc0",
    ),
}
# File, seconds where it begins, seconds, sha256.
NOISES = {
    "birds": (
        "audio/ambient/dayscape/day_temperate_gen_03.ogg",
        0,
        20,
        "8ceedd26d706ed85916c3ef148495ee1956bbba9a13f2102a150c6032a873c29",
    ),
    "farm": (
        "audio/ambient/building/amb_farm_10.ogg",
        0,
        20,
        "4d6a99a700fd8a661c81c233a5ee6812f4a33a26edd1c046bb7c8cbce6fdca9e",
    ),
    "farm_2": (
        "audio/ambient/building/amb_farm_12.ogg",
        0,
        20,
        "9e94b6fd895e90b8039d07307abd4a4c46800f825cdc34c23166624f52125929",
    ),
    "farm_3": (
        "audio/ambient/building/amb_farm_20.ogg",
        0,
        10,
        "1aef43ea469bedcf852d3e47cef89179b5bf94bfd797fe91db2b8b8d6e780a9e",
    ),
    "harbour": (
        "audio/ambient/building/amb_port_20.ogg",
        0,
        10,
        "9a37da24c6d37656c374dc2c751570332e0c95dead3be010afa3900462373848",
    ),
    "machinery": (
        "usr/share/games/endless-sky/sounds/ambient/machinery.mp3",
        0,
        30,
        "cfc878e6bdbdc49dadc8cae9789ef0d7c95798fa83b017bcaa93cce0d3b9dd38",
    ),
    "market": (
        "audio/ambient/building/amb_trade_10.ogg",
        0,
        20,
        "fccdb61ff8f412cc36eedbff096f00ec952b184838e0401afcf3fe03011624f7",
    ),
    "market_2": (
        "audio/ambient/building/amb_trade_11.ogg",
        0,
        20,
        "ea5a446489d5852ea7891df91a61f054459554a8060567ffca69aa6a0f41f219",
    ),
    "market_3": (
        "audio/ambient/building/amb_trade_12.ogg",
        0,
        20,
        "df370d2896dc6e0e056824f5261aff823c90690955e470a50b4ac0aa9c377575",
    ),
    "market_4": (
        "audio/ambient/building/amb_trade_20.ogg",
        0,
        10,
        "9344e21991aa0dc4b8df48af6f433c84f3801dea528b4833060fb3bc09b6faf0",
    ),
    "rain": (
        "audio/ambient/weather/rain_11.ogg",
        0,
        15,
        "e06fedc54b75e9191124f4cfa3fe0d2a8cdb98d72cb13d53f42a60996a5f7eba",
    ),
    "river": (
        "audio/ambient/water/river_fast_21.ogg",
        0,
        15,
        "fbaeb318ed2dfdaa8f2711f6d1df66f09b916ddfd9ce9aa7999411cbdd5bb41a",
    ),
    "river_2": (
        "audio/ambient/water/river_med_21.ogg",
        0,
        15,
        "d4fea2dfe0403f69d4b198ac16150d195900e2cc9dd70ab006c7bd41d573d485",
    ),
    "windstorm": (
        "audio/ambient/weather/windstorm_11.ogg",
        0,
        30,
        "a974b914f2e448a1ccbe39c224e3af7684c004c0eaddffe571376dfa0a2c3906",
    ),
    "aircraft": (
        f"{KART}/sfx/airplane_jetEngine.ogg",
        0,
        5,
        "5a1c559e2925eb8ec02101ba6a61ce1f60cc0e607f256cd6cedf36ee7b9a9c6c",
    ),
    "locomotive": (
        f"{KART}/tracks/black_forest/steamLocomotive.ogg",
        0,
        30,
        "124675c995644065c10bbd0b4f9191d2b1ba038823eab0bb3652f53607deea9f",
    ),
    "restaurant": (
        f"{KART}/sfx/lenautile_restaurant.ogg",
        0,
        26,
        "ebd48a31d4db5288b096113fc1e6eb79514d60950273d421c8f70f1aa78f98d2",
    ),
    "surf": (
        "audio/ambient/water/wave_21.ogg",
        0,
        28,
        "6c7d4ade0408579a8015d198494ebe32ed310c2d7e42759772355ed2b071037e",
    ),
}
LEVEL = 10 ** (-23 / 20)  # root mean square of a prompt, and of a noise
PAUSE = int(0.2 * RATE)


def sha256(*contents: bytes) -> str:
    digest = hashlib.sha256()
    for content in contents:
        digest.update(content)
    return digest.hexdigest()


def read(path: Path, begin: float = 0, seconds: float | None = None) -> np.ndarray:
    """One channel at 8 kHz."""
    rate = soundfile.info(path).samplerate
    start = int(begin * rate)
    stop = None if seconds is None else start + int(seconds * rate)
    wave, _ = soundfile.read(path, start=start, stop=stop, always_2d=True)
    return resample_poly(wave.mean(1), RATE, rate)


def trimmed(wave: np.ndarray) -> np.ndarray:
    """Without what is 35 dB below the loudest 20 ms, at both ends."""
    frame = RATE // 50
    power = np.square(wave[: len(wave) // frame * frame]).reshape(-1, frame).mean(1)
    loud = np.flatnonzero(power > power.max() * 10**-3.5)
    return wave[max(loud[0] - 2, 0) * frame : (loud[-1] + 3) * frame]


def levelled(wave: np.ndarray) -> np.ndarray:
    return wave * min(LEVEL / np.sqrt(np.mean(wave**2)), 0.99 / np.abs(wave).max())


def speech(paths: list[Path], seconds: float) -> np.ndarray:
    """Prompts from all over the list, until they last `seconds`."""
    prompts = []
    length = 0
    # Multiples of the golden ratio modulo one spread evenly however many are needed.
    order = np.argsort(np.arange(1, len(paths) + 1) * 0.6180339887 % 1, kind="stable")
    for number in order:
        wave = trimmed(read(paths[number]))
        if len(wave) < 1.5 * RATE:
            continue
        prompts += [levelled(wave), np.zeros(PAUSE)]
        length += len(wave) + PAUSE
        if length > seconds * RATE:
            break
    return np.concatenate(prompts)


def crc(page: bytes) -> int:
    value = 0
    for byte in page:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1) ^ (0x04C11DB7 if value & 0x80000000 else 0)
            value &= 0xFFFFFFFF
    return value


def save(path: Path, wave: np.ndarray) -> None:
    kind = dict(format="OGG", subtype="VORBIS", compression_level=0.7)
    with soundfile.SoundFile(path, "w", RATE, 1, **kind) as file:
        for start in range(0, len(wave), RATE):  # libsndfile crashes on minutes of it at once
            file.write(wave[start : start + RATE])
    # libsndfile numbers each stream at random: number it 0 in every page, and mend the checksum.
    data = bytearray(path.read_bytes())
    at = 0
    while at < len(data):
        n_segments = data[at + 26]
        end = at + 27 + n_segments + sum(data[at + 27 : at + 27 + n_segments])
        data[at + 14 : at + 18] = data[at + 22 : at + 26] = bytes(4)
        data[at + 22 : at + 26] = crc(data[at:end]).to_bytes(4, "little")
        at = end
    path.write_bytes(data)
    print(sha256(path.read_bytes()), path.name)


def checked(name: str, digest: str, *contents: bytes) -> None:
    if sha256(*contents) != digest:
        raise SystemExit(f"{name} is not as expected: its sha256 is {sha256(*contents)}")


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("sounds", type=Path)
    parser.add_argument("--out", type=Path, default=Path(__file__).resolve().parents[1])
    arguments = parser.parse_args()

    for name, (folder, seconds, digest) in SPEECH.items():
        paths = sorted((arguments.sounds / folder).rglob("*.wav"))
        checked(name, digest, *(path.read_bytes() for path in paths))
        save(arguments.out / f"speech_{name}.ogg", speech(paths, seconds))
    for name, (file, begin, seconds, digest) in NOISES.items():
        path = arguments.sounds / file
        checked(name, digest, path.read_bytes())
        save(arguments.out / f"noise_{name}.ogg", levelled(read(path, begin, seconds)))


if __name__ == "__main__":
    main()
