# SPDX-License-Identifier: MIT
# Draws throughput over the size of a surface: gnuplot -e 'data="FILE.tsv"; picture="FILE.png"' bench/throughput.gnuplot
set terminal pngcairo size 1100,700 font "DejaVu Sans,12"
set output picture
set title "DecryptionBlt, and what it is compared with, over the size of a surface"
set xlabel "bytes of a surface"
set ylabel "GB/s"
set logscale x 2
set xtics ("4 KiB" 4096, "16 KiB" 16384, "64 KiB" 65536, "256 KiB" 262144, "1 MiB" 1048576, "4 MiB" 4194304, \
	"12 MiB" 12582912, "32 MiB" 33554432)
set yrange [0:*]
set grid
set key right top opaque
set style data linespoints
plot data using 1:2 title "memcpy" dashtype 2 linewidth 2 linecolor rgb "#555555", \
	'' using 1:3 title "EVP AES-128-CTR in the calling process" dashtype 2 linewidth 2 linecolor rgb "#b07d2b", \
	'' using 1:4 title "synchronous blts, one worker" linewidth 2 linecolor rgb "#1f77b4", \
	'' using 1:5 title "queued blts, one worker" linewidth 2 linecolor rgb "#7fb2dd", \
	'' using 1:6 title "synchronous blts, two workers" linewidth 2 linecolor rgb "#2a8a3e", \
	'' using 1:7 title "queued blts, two workers" linewidth 2 linecolor rgb "#93cf9f"
