#include "cuda/report/ptx.h"

#include <algorithm>
#include <set>
#include <sstream>

namespace he::cuda_report {
namespace {

struct Instruction {
  std::string operation;                // without its predicate
  std::vector<std::string> def, use;    // virtual registers
  bool conditional = false;
  std::string target;                   // of a branch
};

// 32-bit registers that a virtual register takes; predicates have registers of their own.
int weight(const std::string& name) {
  if (name.rfind("%p", 0) == 0) return 0;
  return name.rfind("%rd", 0) == 0 || name.rfind("%fd", 0) == 0 ? 2 : 1;
}

bool is_register(const std::string& name) {
  return name.size() > 2 && name[0] == '%' && std::isdigit(static_cast<unsigned char>(name.back())) && name.find('.') == std::string::npos;
}

std::vector<std::string> registers(const std::string& text) {
  std::vector<std::string> found;
  for (size_t i = text.find('%'); i != std::string::npos; i = text.find('%', i + 1)) {
    size_t end = i + 1;
    while (end < text.size() && (std::isalnum(static_cast<unsigned char>(text[end])) || text[end] == '_' || text[end] == '.')) ++end;
    const std::string name = text.substr(i, end - i);
    if (is_register(name)) found.push_back(name);
  }
  return found;
}

Instruction parse(std::string text) {
  Instruction x;
  if (text[0] == '@') {
    const size_t space = text.find_first_of(" \t");
    x.conditional = true;
    x.use = registers(text.substr(0, space));
    text = text.substr(text.find_first_not_of(" \t", space));
  }
  const size_t space = std::min(text.find_first_of(" \t"), text.size());
  x.operation = text.substr(0, space);
  const std::string operands = text.substr(space);
  const auto starts = [&](const char* prefix) { return x.operation.rfind(prefix, 0) == 0; };
  if (starts("bra")) {
    const size_t label = operands.find('$');
    if (label != std::string::npos) x.target = operands.substr(label);
    return x;
  }
  size_t split = 0;  // what stands before is written
  if (!(starts("st.") || starts("cp.async") || starts("bar") || starts("ret") || starts("fence"))) {
    const size_t brace = operands.find_first_not_of(" \t");
    split = brace != std::string::npos && operands[brace] == '{' ? operands.find('}') : operands.find(',');
    if (split == std::string::npos) split = operands.size();
  }
  x.def = registers(operands.substr(0, split));
  for (const std::string& r : registers(operands.substr(split))) x.use.push_back(r);
  if (x.conditional) x.use.insert(x.use.end(), x.def.begin(), x.def.end());  // may keep what was there
  return x;
}

// The most 32-bit values alive at once: backwards over the code, again until nothing changes (loops).
int most_alive(const std::vector<Instruction>& code, const std::map<std::string, size_t>& labels) {
  std::map<std::string, int> numbers;
  std::vector<int> weights;
  const auto number = [&](const std::string& name) {
    const auto [it, fresh] = numbers.emplace(name, static_cast<int>(weights.size()));
    if (fresh) weights.push_back(weight(name));
    return it->second;
  };
  struct Numbered { std::vector<int> def, use; };
  std::vector<Numbered> numbered;
  for (const Instruction& x : code) {
    Numbered n;
    for (const std::string& r : x.def) n.def.push_back(number(r));
    for (const std::string& r : x.use) n.use.push_back(number(r));
    numbered.push_back(std::move(n));
  }
  std::map<size_t, std::set<int>> at_label;  // alive where a branch can go to
  int most = 0;
  for (bool changed = true; changed;) {
    changed = false, most = 0;
    std::vector<bool> alive(weights.size());
    int sum = 0;
    const auto set = [&](int r, bool value) {
      if (alive[static_cast<size_t>(r)] != value) alive[static_cast<size_t>(r)] = value, sum += value ? weights[static_cast<size_t>(r)] : -weights[static_cast<size_t>(r)];
    };
    for (size_t i = code.size(); i-- > 0;) {
      const Instruction& x = code[i];
      if ((!x.target.empty() && !x.conditional) || x.operation == "ret") alive.assign(alive.size(), false), sum = 0;
      if (const auto to = labels.find(x.target); !x.target.empty() && to != labels.end())
        for (const int r : at_label[to->second]) set(r, true);
      if (!x.conditional)
        for (const int r : numbered[i].def) set(r, false);
      for (const int r : numbered[i].use) set(r, true);
      most = std::max(most, sum);
      for (const auto& [name, at] : labels)
        if (at == i)
          for (size_t r = 0; r < alive.size(); ++r)
            if (alive[r] && at_label[i].insert(static_cast<int>(r)).second) changed = true;
    }
  }
  return most;
}

std::string trimmed(const std::string& line) {
  const size_t first = line.find_first_not_of(" \t"), comment = line.find("//");
  if (first == std::string::npos || first == comment) return "";
  return line.substr(first, comment == std::string::npos ? comment : comment - first);
}

}  // namespace

int Kernel::count(const std::string& prefix) const {
  int n = 0;
  for (const auto& [name, times] : operations)
    if (name.rfind(prefix, 0) == 0) n += times;
  return n;
}

std::vector<Kernel> read_ptx(const std::string& text) {
  std::vector<Kernel> kernels;
  std::vector<Instruction> code;
  std::map<std::string, size_t> labels;
  std::string architecture, raw;
  std::stringstream lines(text);
  bool inside = false;
  while (std::getline(lines, raw)) {
    const std::string line = trimmed(raw);
    if (line.empty()) continue;
    if (line.rfind(".target ", 0) == 0) architecture = line.substr(8, line.find_first_of(", \t", 8) - 8);
    const size_t entry = line.find(".entry ");
    if (entry != std::string::npos) {
      kernels.push_back({line.substr(entry + 7, line.find('(') - entry - 7), architecture, 0, 0, 0, {}});
      continue;
    }
    if (kernels.empty()) continue;
    Kernel& k = kernels.back();
    if (line.rfind(".maxntid", 0) == 0) k.threads = std::stoi(line.substr(8));
    if (!inside) {
      if (line == "{") inside = true, code.clear(), labels.clear();
      continue;
    }
    if (line == "}") {
      inside = false;
      k.live_registers = most_alive(code, labels);
      continue;
    }
    if (line.rfind(".local", 0) == 0) {
      const size_t open = line.find('[');
      k.local_bytes += open == std::string::npos ? 8 : std::stoi(line.substr(open + 1));
    }
    if (line[0] == '$' && line.back() == ':') {
      labels[line.substr(0, line.size() - 1)] = code.size();
      continue;
    }
    std::stringstream parts(line[0] == '{' ? line.substr(1) : line);
    for (std::string part; std::getline(parts, part, ';');) {
      const std::string instruction = trimmed(part);
      if (instruction.empty() || instruction[0] == '.' || instruction[0] == '}') continue;
      code.push_back(parse(instruction));
      ++k.operations[code.back().operation];
    }
  }
  return kernels;
}

}  // namespace he::cuda_report
