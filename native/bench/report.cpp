#include "bench/report.h"

#include <cstring>
#include <stdexcept>

namespace he::bench {

namespace {

// The processor's own name, or "unknown".
std::string cpu_model() {
  std::string name = "unknown";
  if (std::FILE* f = std::fopen("/proc/cpuinfo", "r")) {
    char line[512];
    while (std::fgets(line, sizeof line, f) != nullptr)
      if (std::strncmp(line, "model name", 10) == 0) {
        if (const char* colon = std::strchr(line, ':')) name = std::string(colon + 2, std::strcspn(colon + 2, "\n"));
        break;
      }
    std::fclose(f);
  }
  return name;
}

std::string quoted(const std::string& text) {
  std::string s = "\"";
  for (const char c : text) {
    if (c == '"' || c == '\\') s += '\\';
    if (static_cast<unsigned char>(c) >= ' ') s += c;
  }
  return s + '"';
}

void write_samples(std::FILE* out, const char* key, const Samples& samples) {
  std::fprintf(out, "\"%s\":[", key);
  for (size_t i = 0; i < samples.values().size(); ++i) std::fprintf(out, "%s%.6g", i == 0 ? "" : ",", samples.values()[i]);
  std::fprintf(out, "]");
}

}  // namespace

void report(const Run& run, const Roofs& roofs, const std::vector<Timed>& timed, const std::string& json) {
  if (json != "-") write_table(stdout, run, roofs, timed);
  if (json.empty()) return;
  std::FILE* out = json == "-" ? stdout : std::fopen(json.c_str(), "w");
  if (out == nullptr) throw std::runtime_error("--json: cannot write '" + json + "'");
  write_json(out, run, roofs, timed);
  if (out != stdout) std::fclose(out);
}

void write_table(std::FILE* out, const Run& run, const Roofs& roofs, const std::vector<Timed>& timed) {
  std::fprintf(out, "%s: %s, %s, %d threads, %d rounds, %s time\n\n", run.program.c_str(), cpu_model().c_str(), run.isa.c_str(),
               run.threads, run.rounds, run.clock == Clock::cpu ? "CPU" : "wall");
  std::fprintf(out, "%-34s %10s %10s %7s\n", "roof", "median", "best", "spread");
  for (const Roof& r : roofs.all())
    std::fprintf(out, "%-34s %10.3f %10.3f %7.2f %s\n", r.name.c_str(), r.rates.quantile(0.5) / r.scale, r.rates.quantile(1) / r.scale,
                 r.rates.quantile(0.9) / r.rates.quantile(0.1), r.unit);
  std::fprintf(out, "\nproducts: rows x inputs x outputs; of roof: median against median, best against best\n");
  std::fprintf(out, "%-34s %9s %9s %10s %10s %7s %8s %8s %5s %5s  %s\n", "kernel", "Gop", "MB", "median ms", "best ms", "spread", "Top/s",
               "GB/s", "roof", "best", "limit");
  for (const Timed& t : timed) {
    const Work& w = t.kernel->work;
    const double median = t.seconds.quantile(0.5), best = t.seconds.quantile(0), bytes = w.read + w.written;
    const Roofs::Floor floor = roofs.floor(w, 0.5);
    std::fprintf(out, "%-34s %9.3f %9.3f %10.3f %10.3f %7.2f %8.3f %8.1f %4.0f%% %4.0f%%  %s\n", t.kernel->name.c_str(),
                 w.operations * 1e-9, bytes * 1e-6, median * 1e3, best * 1e3, t.seconds.quantile(0.9) / t.seconds.quantile(0.1),
                 w.operations / median * 1e-12, bytes / median * 1e-9, 100 * floor.seconds / median, 100 * roofs.floor(w, 1).seconds / best,
                 floor.limit->name.c_str());
  }
}

void write_json(std::FILE* out, const Run& run, const Roofs& roofs, const std::vector<Timed>& timed) {
  const CacheSizes cache = cache_sizes();
  std::fprintf(out, "{\"program\":%s,\"cpu\":%s,\"isa\":%s,\"engine\":%s,\"threads\":%d,\"rounds\":%d,\"clock\":\"%s\",",
               quoted(run.program).c_str(), quoted(cpu_model()).c_str(), quoted(run.isa).c_str(), quoted(run.engine).c_str(), run.threads,
               run.rounds, run.clock == Clock::cpu ? "cpu" : "wall");
  std::fprintf(out, "\"cache\":{\"l1\":%lld,\"l2\":%lld,\"l3\":%lld},\n\"roofs\":[", static_cast<long long>(cache.l1),
               static_cast<long long>(cache.l2), static_cast<long long>(cache.l3));
  const char* between = "\n";
  for (const Roof& r : roofs.all()) {
    std::fprintf(out, "%s{\"name\":%s,\"unit\":\"%s\",\"median\":%.4f,\"best\":%.4f,", between, quoted(r.name).c_str(), r.unit,
                 r.rates.quantile(0.5) / r.scale, r.rates.quantile(1) / r.scale);
    write_samples(out, "rates", r.rates);
    std::fprintf(out, "}");
    between = ",\n";
  }
  std::fprintf(out, "],\n\"kernels\":[");
  between = "\n";
  for (const Timed& t : timed) {
    const Work& w = t.kernel->work;
    const Roofs::Floor floor = roofs.floor(w, 0.5);
    const double median = t.seconds.quantile(0.5), best = t.seconds.quantile(0);
    std::fprintf(out,
                 "%s{\"name\":%s,\"operations\":%.0f,\"bytes_read\":%.0f,\"bytes_written\":%.0f,\"median\":%.4g,\"best\":%.4g,\"p10\":%.4g,"
                 "\"p90\":%.4g,",
                 between, quoted(t.kernel->name).c_str(), w.operations, w.read, w.written, median, best, t.seconds.quantile(0.1),
                 t.seconds.quantile(0.9));
    std::fprintf(out, "\"limit\":%s,\"share\":%.4f,\"best_share\":%.4f,", quoted(floor.limit->name).c_str(), floor.seconds / median,
                 roofs.floor(w, 1).seconds / best);
    write_samples(out, "seconds", t.seconds);
    std::fprintf(out, "}");
    between = ",\n";
  }
  std::fprintf(out, "]}\n");
}

}  // namespace he::bench
