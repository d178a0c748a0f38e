#!/usr/bin/env bash
# Makes the fonts of this folder again. Needs npm and Python 3; run it in an empty folder.
# usage: build.sh OUT
set -euo pipefail
out=$1
fetch() { # package version
    npm pack --silent "@expo-google-fonts/$1@$2" >/dev/null
    mkdir -p "$1"
    tar -xzf "expo-google-fonts-$1-$2.tgz" -C "$1" --strip-components=1
}
fetch noto-sans 0.4.2
fetch noto-sans-hebrew 0.4.1
fetch noto-sans-arabic 0.4.3
fetch noto-sans-devanagari 0.4.1
fetch noto-sans-thai 0.4.2
fetch noto-sans-jp 0.4.3
fetch noto-sans-math 0.4.2
fetch noto-emoji 0.4.7
[ -d venv ] || python3 -m venv venv
venv/bin/pip install --quiet fonttools==4.68.0

subset() { # input output unicodes [more options]
    local input=$1 output=$2 unicodes=$3
    shift 3
    # Hinting is for screens without anti-aliasing; glyph names are for people. All shaping features stay
    # unless a call says otherwise.
    venv/bin/pyftsubset "$input" --output-file="$out/$output" --unicodes="$unicodes" \
        --layout-features='*' --no-hinting --no-glyph-names --desubroutinize \
        --name-IDs='0,1,2,3,4,5,6,13,14' --name-languages='*' --no-recalc-timestamp \
        --drop-tables+=DSIG,MATH,MVAR,STAT,gasp,meta "$@"
}
# What text needs whatever its script: space, joiners, directional marks, dotted circle, quotes, dashes, ellipsis.
common='U+20,U+A0,U+200B-200F,U+2010-2015,U+2018-201F,U+2026,U+202A-202E,U+2060,U+2066-2069,U+25CC'
text='ccmp,locl,kern,mark,mkmk,rlig,calt,liga,clig'
latin='U+20-7E,U+A0-24F,U+250-36F,U+370-3FF,U+400-52F,U+1AB0-1ACE,U+1C80-1C88,U+1D00-1DFF,U+1E00-1FFF,U+2000-206F,U+2070-209C,U+20A0-20C0,U+20D0-20F0,U+2100-218B,U+2190-2193,U+2212,U+2215,U+2248,U+2260,U+2264,U+2265,U+25CC,U+2C60-2C7F,U+2DE0-2DFF,U+2E00-2E5D,U+A640-A69F,U+A700-A7FF,U+AB30-AB6B,U+FB00-FB06,U+FE00-FE0F,U+FE20-FE2F,U+FEFF,U+FFFD,U+27E8,U+27E9'
bold='U+20-7E,U+A0-24F,U+300-36F,U+370-3FF,U+400-52F,U+1E00-1FFF,U+2000-206F,U+20A0-20C0,U+2116,U+2122,U+2212'
subset noto-sans/400Regular/NotoSans_400Regular.ttf NotoSans-Regular.ttf "$latin" --layout-features="$text"
subset noto-sans/700Bold/NotoSans_700Bold.ttf NotoSans-Bold.ttf "$bold" --layout-features="$text"
subset noto-sans-hebrew/400Regular/NotoSansHebrew_400Regular.ttf NotoSansHebrew-Regular.ttf "$common,U+590-5FF,U+FB1D-FB4F"
subset noto-sans-arabic/400Regular/NotoSansArabic_400Regular.ttf NotoSansArabic-Regular.ttf "$common,U+600-6FF,U+750-77F,U+870-8FF,U+FB50-FDFF,U+FE70-FEFC"
subset noto-sans-devanagari/400Regular/NotoSansDevanagari_400Regular.ttf NotoSansDevanagari-Regular.ttf "$common,U+900-97F,U+1CD0-1CFF,U+A830-A839,U+A8E0-A8FF,U+20B9"
subset noto-sans-thai/400Regular/NotoSansThai_400Regular.ttf NotoSansThai-Regular.ttf "$common,U+E01-E5B"
subset noto-sans-jp/400Regular/NotoSansJP_400Regular.ttf NotoSansJP-Kana-Regular.ttf 'U+20,U+3000-303F,U+3041-30FF,U+31F0-31FF,U+FF01-FFEF,U+2190-2199,U+21D2,U+21D4,U+2460-2473,U+2500-257F,U+25A0-25FF,U+2600-266F,U+2713,U+2756,U+27A1' --layout-features='ccmp,locl,kern,mark,mkmk,liga'
# The brackets around a code point nobody has a glyph for, and the letters of "fancy text".
subset noto-sans-math/400Regular/NotoSansMath_400Regular.ttf NotoSansMath-Regular.ttf 'U+20,U+2200-22FF,U+27E8,U+27E9,U+1D400-1D7FF' --layout-features='ccmp,mark,mkmk,kern'
subset noto-emoji/400Regular/NotoEmoji_400Regular.ttf NotoEmoji-Regular.ttf '*'
for family in noto-sans noto-sans-hebrew noto-sans-arabic noto-sans-devanagari noto-sans-thai noto-sans-jp noto-sans-math noto-emoji; do
    cp "$family/LICENSE_FONT" "$out/OFL-$family.txt"
done
