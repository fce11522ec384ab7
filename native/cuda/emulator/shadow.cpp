#include "cuda/emulator/shadow.h"

#include <string>

#include "cuda/emulator/fault.h"

namespace he::emulator {
namespace {

// Whether an access of another thread of the same block is behind a barrier that both passed.
bool ordered(uint32_t block_epoch, uint32_t warp_epoch, uint32_t warp, const Access& now) {
  return block_epoch < now.block_epoch || (warp == now.warp && warp_epoch < now.warp_epoch);
}

}  // namespace

const char* Cell::read(const Access& by) {
  if (pending_) return "reads what an asynchronous copy may not have brought yet";
  if (!initialised_) return "reads memory that nothing has written";
  if (written_launch_ == by.launch) {
    if (written_run_ != by.run) return "reads what another block of the same launch wrote";
    if (writer_ != by.thread && !ordered(written_block_epoch_, written_warp_epoch_, writer_warp_, by))
      return "reads what another thread wrote, without a barrier between them";
  }
  if (read_launch_ != by.launch) {
    read_launch_ = by.launch, read_run_ = by.run, reader_ = by.thread, reader_warp_ = by.warp;
  } else if (read_run_ != by.run) {
    read_run_ = kSeveral;
  } else if (read_block_epoch_ != by.block_epoch) {
    reader_ = by.thread, reader_warp_ = by.warp;
  } else {
    if (reader_ != by.thread) reader_ = kSeveral;
    if (reader_warp_ != by.warp) reader_warp_ = kSeveral;
  }
  read_block_epoch_ = by.block_epoch, read_warp_epoch_ = by.warp_epoch;
  return nullptr;
}

const char* Cell::write(const Access& by) {
  if (pending_) return "writes where an asynchronous copy may still write";
  if (written_launch_ == by.launch && initialised_) {
    if (written_run_ != by.run) return "writes what another block of the same launch wrote";
    if (writer_ != by.thread && !ordered(written_block_epoch_, written_warp_epoch_, writer_warp_, by))
      return "writes what another thread wrote, without a barrier between them";
  }
  if (read_launch_ == by.launch) {
    if (read_run_ != by.run) return "writes what another block of the same launch reads";
    if (reader_ != by.thread && !ordered(read_block_epoch_, read_warp_epoch_, reader_warp_, by))
      return "writes what another thread may not have read yet: there is no barrier between them";
  }
  initialised_ = true;
  writer_ = by.thread, writer_warp_ = by.warp;
  written_launch_ = by.launch, written_run_ = by.run, written_block_epoch_ = by.block_epoch, written_warp_epoch_ = by.warp_epoch;
  return nullptr;
}

const char* Cell::begin_copy(const Access& by) {
  const char* wrong = write(by);
  pending_ = true;
  return wrong;
}

void Cell::end_copy(const Access& by) {
  pending_ = false;
  writer_ = by.thread, writer_warp_ = by.warp;
  written_launch_ = by.launch, written_run_ = by.run, written_block_epoch_ = by.block_epoch, written_warp_epoch_ = by.warp_epoch;
}

bool Shadow::initialised(size_t offset, size_t bytes) const {
  for (size_t i = offset / 2; i < (offset + bytes + 1) / 2; ++i)
    if (!cells_[i].initialised()) return false;
  return true;
}

void Shadow::copy(size_t offset, const Shadow& from, size_t from_offset, size_t bytes) {
  for (size_t i = 0; i < bytes; i += 2) {
    Cell& c = cells_[(offset + i) / 2];
    c = Cell();
    if (from.cells_[(from_offset + i) / 2].initialised()) c.initialise();
  }
}

int64_t Shadow::first_uninitialised() const {
  for (size_t i = 0; i < cells_.size(); ++i)
    if (!cells_[i].initialised()) return static_cast<int64_t>(i * 2);
  return -1;
}

void Shadow::report(const char* wrong, size_t offset) { fault(std::string(wrong) + " (byte " + std::to_string(offset) + ")"); }

}  // namespace he::emulator
