#include <gtest/gtest.h>

#include <cstdlib>
#include <string>

#include "hybridengine/he.h"

TEST(Context, UnknownIsa_IsRefusedNamingWhatThereIs) {
  he_context* context = nullptr;
  EXPECT_EQ(he_context_create("mmx", nullptr, 1, &context), HE_INVALID_ARGUMENT);
  EXPECT_NE(std::string(he_last_error()).find("scalar"), std::string::npos);
  EXPECT_EQ(context, nullptr);
}

TEST(Context, Scalar_IsAlwaysThere) {
  he_context* context = nullptr;
  ASSERT_EQ(he_context_create("scalar", nullptr, 3, &context), HE_OK);
  EXPECT_STREQ(he_context_isa(context), "scalar");
  EXPECT_EQ(he_context_threads(context), 3);
  he_context_destroy(context);
}

TEST(Context, IsaFromTheEnvironment_IsTakenAndRefusedByName) {
  const char* before = getenv("HE_ISA");
  const std::string saved = before != nullptr ? before : "";
  he_context* context = nullptr;
  setenv("HE_ISA", "scalar", 1);
  EXPECT_EQ(he_context_create(nullptr, nullptr, 1, &context), HE_OK);
  EXPECT_STREQ(he_context_isa(context), "scalar");
  he_context_destroy(context);
  setenv("HE_ISA", "sse9", 1);
  EXPECT_EQ(he_context_create(nullptr, nullptr, 1, &context), HE_INVALID_ARGUMENT);
  EXPECT_NE(std::string(he_last_error()).find("HE_ISA: found 'sse9'"), std::string::npos) << he_last_error();
  EXPECT_EQ(context, nullptr);
  before != nullptr ? setenv("HE_ISA", saved.c_str(), 1) : unsetenv("HE_ISA");
}
