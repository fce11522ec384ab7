#include <gtest/gtest.h>

#include <string>

#include "hybridengine/he.h"

TEST(Context, UnknownIsa_IsRefusedNamingWhatThereIs) {
  he_context* context = nullptr;
  EXPECT_EQ(he_context_create("mmx", 1, &context), HE_INVALID_ARGUMENT);
  EXPECT_NE(std::string(he_last_error()).find("scalar"), std::string::npos);
  EXPECT_EQ(context, nullptr);
}

TEST(Context, Scalar_IsAlwaysThere) {
  he_context* context = nullptr;
  ASSERT_EQ(he_context_create("scalar", 3, &context), HE_OK);
  EXPECT_STREQ(he_context_isa(context), "scalar");
  EXPECT_EQ(he_context_threads(context), 3);
  he_context_destroy(context);
}
