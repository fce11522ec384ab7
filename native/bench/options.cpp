#include "bench/options.h"

#include <cstdio>
#include <cstdlib>

namespace he::bench {

namespace {

[[noreturn]] void wrong(const std::string& what) {
  std::fprintf(stderr, "error: %s\n", what.c_str());
  std::exit(2);
}

int positive(const std::string& option, const char* text) {
  char* end = nullptr;
  const long value = std::strtol(text, &end, 10);
  if (*text == 0 || *end != 0 || value < 1 || value > 1000000) wrong(option + ": found '" + text + "', expected a number from 1");
  return static_cast<int>(value);
}

}  // namespace

Options parse_options(int argc, char** argv, const char* usage) {
  Options o;
  for (int i = 1; i < argc; ++i) {
    const std::string option = argv[i];
    if (option == "--help" || option == "-h") {
      std::printf("%s", usage);
      std::exit(0);
    }
    if (option == "--list") {
      o.list = true;
      continue;
    }
    if (i + 1 >= argc) wrong(option + ": a value is missing, or the option is unknown (--help)");
    const char* value = argv[++i];
    if (option == "--isa") {
      o.isa = value;
    } else if (option == "--only") {
      o.only = value;
    } else if (option == "--json") {
      o.json = value;
    } else if (option == "--threads") {
      o.threads = positive(option, value);
    } else if (option == "--repeat") {
      o.rounds = positive(option, value);
    } else if (option == "--clock") {
      if (std::string(value) != "cpu" && std::string(value) != "wall") wrong(option + ": found '" + value + "', expected wall or cpu");
      o.clock = std::string(value) == "cpu" ? Clock::cpu : Clock::wall;
    } else {
      wrong("found '" + option + "', expected one of the options that --help lists");
    }
  }
  return o;
}

}  // namespace he::bench
