# Median tokens/s by case and side, and the ratio of the medians. A flat reader of our own JSON lines: keys "what", "batch", "prompt", "new", "tokens_per_s", "torch".
function field(name,   m) { return match($0, "\"" name "\": ?(\"[^\"]*\"|[-0-9.e+]+|null)") ? value(substr($0, RSTART, RLENGTH)) : "" }
function value(text) { sub(/^"[^"]*": ?/, "", text); gsub(/"/, "", text); return text }
function median(key,   n, i, j, t, a) {
  n = split(samples[key], a, " ")
  for (i = 2; i <= n; i++) { t = a[i] + 0; for (j = i - 1; j > 0 && a[j] + 0 > t; j--) a[j + 1] = a[j]; a[j + 1] = t }
  return n == 0 ? 0 : n % 2 ? a[(n + 1) / 2] : (a[n / 2] + a[n / 2 + 1]) / 2
}
function spread(key,   n, i, a, lo, hi) {
  n = split(samples[key], a, " "); lo = hi = a[1] + 0
  for (i = 2; i <= n; i++) { if (a[i] + 0 < lo) lo = a[i] + 0; if (a[i] + 0 > hi) hi = a[i] + 0 }
  return sprintf("%.0f-%.0f", lo, hi)
}
{
  key = field("what") ", " field("batch") " x (" field("prompt") " + " (field("what") ~ /generate|rlhf/ ? field("new") : 0) ")"
  if (!(key in seen)) { seen[key] = 1; order[++count] = key }
  samples[key SUBSEP field("who")] = samples[key SUBSEP field("who")] " " field("tokens_per_s")
}
END {
  # How much slower Debian's PyTorch 1.13 with OpenBLAS is than PyTorch 2.13, measured once on an EPYC Zen 5 with 2 cores.
  factor["generate"] = 4.5; factor["prefill"] = 3.3; factor["train"] = 1.9  # no factor was measured for rlhf
  print "| case | ours, tokens/s (range) | PyTorch here | ratio | factor to PyTorch 2.13 | ratio that counts |"
  print "| --- | --- | --- | --- | --- | --- |"
  for (i = 1; i <= count; i++) {
    key = order[i]; what = key; sub(/,.*/, "", what)
    ours = median(key SUBSEP "ours"); theirs = median(key SUBSEP "torch")
    if (theirs > 0 && what in factor) printf "| %s | %.0f (%s) | %.1f (%s) | %.1f | %.1f | %.1f |\n", key, ours, spread(key SUBSEP "ours"), theirs, spread(key SUBSEP "torch"), ours / theirs, factor[what], ours / theirs / factor[what]
    else if (theirs > 0) printf "| %s | %.0f (%s) | %.1f (%s) | %.1f | not measured | - |\n", key, ours, spread(key SUBSEP "ours"), theirs, spread(key SUBSEP "torch"), ours / theirs
    else printf "| %s | %.0f (%s) | - | - | - | - |\n", key, ours, spread(key SUBSEP "ours")
  }
}
