"""What the healthy odd videos are: one recipe for each file name."""

from odd_videos import Recipe

X264 = "-c:v libx264 -preset veryfast -crf 12 -g 12 -pix_fmt yuv420p -threads 1 "
B = X264 + "-bf 2 -x264-params b-adapt=0:scenecut=0 "
P = X264 + "-bf 0 "
X265 = (
    "-c:v libx265 -preset ultrafast -crf 12 -x265-params log-level=none:pools=1:bframes=3:keyint=12"
)
MPEG4 = "-c:v mpeg4 -q:v 2 -g 12 "
MPEG2 = "-c:v mpeg2video -q:v 2 -g 12 -bf 2 "
AAC, MP3, MP2, PCM = "-c:a aac ", "-c:a libmp3lame ", "-c:a mp2 ", "-c:a pcm_s16le "
VP8 = "-c:v libvpx -deadline realtime -cpu-used 8 -b:v 2M -g 12 "
VP9 = "-c:v libvpx-vp9 -deadline realtime -cpu-used 8 -b:v 2M -g 12 "
OPUS = "-c:a libopus "
TWICE = "-map 0:v -map 1:a -map 1:a "

CONTAINERS = {
    "bframes.mp4": Recipe(B + AAC),
    "bframes.mov": Recipe(B + AAC),
    "bframes.m4v": Recipe(B + AAC + "-f mp4"),
    "bframes.mkv": Recipe(B + AAC),
    "bframes.flv": Recipe(B + AAC),
    "bframes.ts": Recipe(B + AAC),
    "bframes.mts": Recipe(B + "-c:a ac3"),
    "pframes.ts": Recipe(P + MP2),
    "hevc.mp4": Recipe(X265 + " " + AAC),
    "hevc.mkv": Recipe(X265 + " " + AAC),
    "hevc.ts": Recipe(X265 + " " + AAC),
    "mpeg4.mp4": Recipe(MPEG4 + AAC),
    "mpeg4_bframes.mp4": Recipe(MPEG4 + "-bf 2 " + AAC),
    "mpeg4.avi": Recipe(MPEG4 + MP3),
    "mpeg4_bframes.avi": Recipe(MPEG4 + "-bf 2 " + MP3),
    "xvid_bframes.avi": Recipe("-c:v libxvid -q:v 2 -g 12 -bf 2 " + MP3),
    "pframes_25.avi": Recipe(P + PCM),
    "bframes_25.avi": Recipe(B + PCM),
    "pframes_2997.avi": Recipe(P + MP3, rate="30000/1001"),
    "bframes_2997.avi": Recipe(B + MP3, rate="30000/1001"),
    "mjpeg.avi": Recipe("-c:v mjpeg -q:v 2 " + PCM),
    "msmpeg4.avi": Recipe("-c:v msmpeg4 -q:v 2 " + MP3),
    "huffyuv.avi": Recipe("-c:v huffyuv " + PCM),
    "raw.avi": Recipe("-c:v rawvideo -pix_fmt bgr24 " + PCM),
    "cinepak.mov": Recipe("-c:v cinepak " + PCM),
    "prores.mov": Recipe("-c:v prores -pix_fmt yuv422p10le -c:a pcm_s24be"),
    "alpha.mov": Recipe("-c:v qtrle -pix_fmt argb " + PCM),
    "ffv1.mkv": Recipe("-c:v ffv1 -c:a flac"),
    "gray.mkv": Recipe("-c:v ffv1 -pix_fmt gray " + PCM),
    "vp8.webm": Recipe(VP8 + "-c:a libvorbis"),
    "vp9.webm": Recipe(VP9 + OPUS),
    "vp9_hidden.mkv": Recipe(
        "-c:v libvpx-vp9 -deadline good -cpu-used 5 -b:v 1M -g 30 -auto-alt-ref 1 "
        "-lag-in-frames 16 " + OPUS
    ),
    "av1.mp4": Recipe("-vf scale=128:96:flags=neighbor -c:v libsvtav1 -preset 12 -g 12 " + AAC),
    "av1.mkv": Recipe("-c:v libaom-av1 -usage realtime -cpu-used 8 -g 12 " + OPUS),
    "flv1.flv": Recipe("-c:v flv -q:v 2 -ar 22050 " + MP3),
    "wmv2.wmv": Recipe("-c:v wmv2 -q:v 2 -c:a wmav2"),
    "wmv1.wmv": Recipe("-c:v wmv1 -q:v 2 -c:a wmav2"),
    "mpeg1.mpg": Recipe("-c:v mpeg1video -q:v 2 -g 12 -bf 2 " + MP2),
    "mpeg2.mpeg": Recipe(MPEG2 + MP2 + "-f vob"),
    "mpeg2.ts": Recipe(MPEG2 + MP2),
    "h263.3gp": Recipe("-vf scale=128:96:flags=neighbor -c:v h263 -q:v 2 " + AAC),
    "mpeg4.3gp": Recipe(MPEG4 + AAC),
    "theora.ogv": Recipe("-c:v libtheora -q:v 9 -g 12 -c:a libvorbis"),
}
"""Every container and codec."""

PICTURES = {
    "444.mp4": Recipe(B.replace("yuv420p", "yuv444p") + AAC),
    "444_long.mp4": Recipe(B.replace("yuv420p", "yuv444p") + "-g 999 " + AAC),
    "444_lossless.mp4": Recipe(B.replace("yuv420p", "yuv444p") + "-qp 0 " + AAC),
    "422.mkv": Recipe(B.replace("yuv420p", "yuv422p") + AAC),
    "full_range.mp4": Recipe(B.replace("yuv420p", "yuvj420p") + "-color_range pc " + AAC),
    "bt709.mp4": Recipe(B + "-vf scale=out_color_matrix=bt709 -colorspace bt709 " + AAC),
    "10bit.mp4": Recipe(B.replace("yuv420p", "yuv420p10le") + AAC),
    "hevc_10bit.mp4": Recipe(X265 + " -pix_fmt yuv420p10le " + AAC),
    "rgb.mkv": Recipe("-c:v libx264rgb -preset veryfast -crf 12 -g 12 " + AAC),
    "interlaced.mpg": Recipe(MPEG2 + "-flags +ildct+ilme -top 1 " + MP2),
    "interlaced.ts": Recipe(B + "-flags +ildct+ilme -x264-params tff=1 " + AAC),
    "turned_90.mp4": Recipe(B + AAC, turned=90),
    "turned_180.mp4": Recipe(B + AAC, turned=180),
    "turned_270.mov": Recipe(B + AAC, turned=270),
    "wide_pixels.mp4": Recipe(B + "-vf setsar=2/1 " + AAC),
    "tall_pixels.mkv": Recipe(B + "-vf setsar=1/2 " + AAC),
    "pal_pixels.mpg": Recipe(MPEG2 + "-vf setsar=16/11 " + MP2),
    "turned_wide_pixels.mp4": Recipe(B + "-vf setsar=2/1 " + AAC, turned=90),
    "odd_size.webm": Recipe("-vf scale=65:47:flags=neighbor " + VP9 + OPUS),
    "odd_size.avi": Recipe("-vf scale=65:47:flags=neighbor " + MPEG4 + MP3),
    "odd_size.mp4": Recipe(
        "-vf scale=65:47:flags=neighbor " + B.replace("yuv420p", "yuv444p") + AAC
    ),
    "portrait.mp4": Recipe("-vf scale=48:160:flags=neighbor " + B + AAC),
}
"""Pixel formats, sizes, rotations and shapes of pixels."""

IRREGULAR = "-vf setpts=(N+0.7*mod(N*N\\,3))/(25*TB) -fps_mode passthrough "
GAPS = "-vf select=lt(mod(n\\,13)\\,7) -fps_mode passthrough "

TIMES = {
    "irregular.mp4": Recipe(B + IRREGULAR + AAC),
    "irregular.mkv": Recipe(P + IRREGULAR + AAC),
    "gaps.mp4": Recipe(B + GAPS + AAC),
    "gaps.webm": Recipe(VP8 + GAPS + "-c:a libvorbis"),
    "gaps.flv": Recipe(B + GAPS + AAC),
    "starts_at_5.mp4": Recipe(B + AAC + "-output_ts_offset 5"),
    "starts_at_5.mkv": Recipe(B + AAC + "-output_ts_offset 5"),
    "starts_at_5.ts": Recipe(B + AAC + "-output_ts_offset 5"),
    "starts_at_5.mpg": Recipe(MPEG2 + MP2 + "-output_ts_offset 5"),
    "clock_wraps.ts": Recipe(B + MP2 + "-muxdelay 0 -output_ts_offset 95442.2"),
    "open_gop.mp4": Recipe(X264 + "-bf 3 -x264-params open-gop=1:scenecut=0:b-adapt=0 " + AAC),
    "open_gop.mkv": Recipe(X264 + "-bf 3 -x264-params open-gop=1:scenecut=0:b-adapt=0 " + AAC),
    "open_gop.ts": Recipe(X264 + "-bf 3 -x264-params open-gop=1:scenecut=0:b-adapt=0 " + AAC),
    "open_gop_hevc.mp4": Recipe(X265 + ":open-gop=1 " + AAC),
    "pyramid.mp4": Recipe(X264 + "-bf 8 -x264-params b-pyramid=normal:b-adapt=0 " + AAC),
    "no_keyframes.mp4": Recipe(B + "-g 24 -x264-params intra-refresh=1 " + AAC),
    "no_keyframes.ts": Recipe(X264 + "-bf 0 -g 24 -x264-params intra-refresh=1 " + AAC),
    "long_gop.mp4": Recipe(B + "-g 999 " + AAC),
    "long_gop.mkv": Recipe(B + "-g 999 " + AAC),
    "long_gop.avi": Recipe("-c:v mpeg4 -q:v 2 -g 999 -bf 2 " + MP3),
    "long_gop.ts": Recipe(B + "-g 999 " + AAC),
    "1fps.mp4": Recipe(B + AAC, rate="1", seconds=4),
    "1fps.avi": Recipe(MPEG4 + MP3, rate="1", seconds=4),
    "7fps.webm": Recipe(VP9 + OPUS, rate="7", seconds=3),
    "120fps.mp4": Recipe(B + AAC, rate="120", seconds=1.5),
    "120fps.mkv": Recipe(P + AAC, rate="120", seconds=1.5),
    "2997.mp4": Recipe(B + AAC, rate="30000/1001"),
    "2997.flv": Recipe(B + AAC, rate="30000/1001"),
    "one_frame.mp4": Recipe(P + "-frames:v 1 " + AAC),
    "one_frame_long.mp4": Recipe(P + AAC, rate="1", seconds=1),
    "cut.mp4": Recipe(B + AAC, again="-ss 0.7 INPUT -c copy"),
    "cut.mov": Recipe(B + PCM, again="-ss 0.7 INPUT -c copy"),
    "cut.mkv": Recipe(B + AAC, again="-ss 0.7 INPUT -c copy"),
    "cut_end.mp4": Recipe(B + AAC, again="INPUT -t 1.3 -c copy"),
    "fragments.mp4": Recipe(B + AAC + "-movflags frag_keyframe+empty_moov+default_base_moof"),
    "fragments_piped.mp4": Recipe(B + AAC + "-movflags frag_keyframe+empty_moov -f mp4", pipe=True),
    "index_first.mp4": Recipe(B + AAC + "-movflags faststart"),
    "no_duration.webm": Recipe(VP8 + "-c:a libvorbis -f webm", pipe=True),
    "no_duration.mkv": Recipe(B + AAC + "-f matroska", pipe=True),
    "no_duration.flv": Recipe(B + AAC + "-f flv -flvflags no_duration_filesize", pipe=True),
    "coarse_clock.mp4": Recipe(B + AAC + "-video_track_timescale 25"),
}
"""Timestamps, rates, edit lists, groups of pictures, headers."""

SOUNDS = {
    "no_sound.mp4": Recipe(B, sound=None),
    "no_sound.mkv": Recipe(B, sound=None),
    "no_sound.ts": Recipe(B, sound=None),
    "no_sound.webm": Recipe(VP9, sound=None),
    "no_sound_444.mp4": Recipe(B.replace("yuv420p", "yuv444p") + "-g 999 ", sound=None),
    "no_sound_hevc.mp4": Recipe(X265, sound=None),
    "sound_late.mp4": Recipe(B + AAC, sound="-itsoffset 0.5"),
    "sound_late.mkv": Recipe(B + AAC, sound="-itsoffset 0.5"),
    "sound_late.ts": Recipe(B + AAC, sound="-itsoffset 0.5"),
    "sound_late.avi": Recipe(MPEG4 + MP3, sound="-itsoffset 0.5"),
    "sound_early.mp4": Recipe(B + AAC, before="-itsoffset 0.5"),
    "sound_early.mkv": Recipe(B + AAC, before="-itsoffset 0.5"),
    "sound_early.mov": Recipe(B + PCM, before="-itsoffset 0.5"),
    "sound_early.ts": Recipe(B + AAC, before="-itsoffset 0.5"),
    "sound_early.flv": Recipe(B + AAC, before="-itsoffset 0.5"),
    "sound_short.mp4": Recipe(B + AAC, sound="-t 1.3"),
    "sound_long.mp4": Recipe(B + "-frames:v 40 " + AAC),
    "sound_gap.mkv": Recipe(B + "-af aselect=lt(t\\,0.6)+gt(t\\,1) " + AAC),
    "second_default.mkv": Recipe(
        B + TWICE + "-filter:a:0 areverse -disposition:a:0 0 -disposition:a:1 default " + AAC
    ),
    "second_default.mp4": Recipe(
        B + TWICE + "-filter:a:0 areverse -disposition:a:0 0 -disposition:a:1 default " + AAC
    ),
    "more_channels.mkv": Recipe(
        B + TWICE + "-filter:a:0 areverse -disposition:a 0 -ac:a:0 1 -ac:a:1 2 " + AAC
    ),
    "two_videos.mkv": Recipe(
        B
        + "-map 0:v -map 0:v -map 1:a -filter:v:0 reverse -filter:v:1 scale=128:96:flags=neighbor "
        "-disposition:v 0 " + AAC
    ),
    "two_videos_default.mp4": Recipe(
        B + "-map 0:v -map 0:v -map 1:a -filter:v:1 reverse,scale=128:96 "
        "-disposition:v:0 default -disposition:v:1 0 " + AAC
    ),
    "cover.mp4": Recipe(
        B + AAC,
        again="INPUT -f lavfi -i color=red:s=320x240:r=1:d=1 -map 0 -map 1 -c copy -c:v:1 mjpeg "
        "-disposition:v:1 attached_pic",
    ),
    "cover.mkv": Recipe(
        B + AAC, again="INPUT -c copy -attach COVER -metadata:s:t mimetype=image/png"
    ),
    "six_channels.mp4": Recipe(B + AAC + "-ac 6"),
    "six_channels.mkv": Recipe(B + "-c:a ac3 -ac 6"),
    "stereo.mp4": Recipe(B + AAC + "-ac 2"),
    "8khz.mp4": Recipe(B + AAC + "-ar 8000"),
    "96khz.mp4": Recipe(B + AAC + "-ar 96000"),
    "float.mov": Recipe(B + "-c:a pcm_f32le"),
    "unsigned.avi": Recipe(MPEG4 + "-c:a pcm_u8"),
    "alaw.mov": Recipe(B + "-c:a pcm_alaw"),
    "adpcm.avi": Recipe(MPEG4 + "-c:a adpcm_ms"),
    "alac.mov": Recipe(B + "-c:a alac"),
    "opus.mp4": Recipe(B + OPUS),
    "vorbis.mkv": Recipe(B + "-c:a libvorbis"),
    "mp3.mp4": Recipe(B + MP3),
}
"""Audio tracks: late, early, several, and every kind of samples."""

HEALTHY = CONTAINERS | PICTURES | TIMES | SOUNDS
