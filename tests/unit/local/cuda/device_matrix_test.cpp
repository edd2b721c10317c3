#include "local_backend/cuda/device_matrix.h"

#include <gtest/gtest.h>

#include <cmath>
#include <set>

#include "local_backend/cuda/matrix_layout.h"
#include "tests/unit/local/cuda/random_matrix.h"

namespace tollgate::local::gpu {
namespace {

// Types whose scales are f16 in the file, and f16 itself, are exact.
bool is_exact(TensorType type) {
  return type != TensorType::q4_k && type != TensorType::q5_k && type != TensorType::q6_k &&
         type != TensorType::iq4_xs && type != TensorType::bf16 && type != TensorType::f32;
}

// The most that a value may be off: half a unit of the last of 11 bits for its scale, and for its minimum.
double rounding(const DeviceMatrix& matrix, int row, int column) {
  if (matrix.bits == 16) return std::abs(static_cast<double>(device_value(matrix, row, column))) * 0x1p-11;
  const std::byte* at = matrix.scales + scale_place(matrix, row, column);
  const double integers = matrix.bits == 4 ? 15 : matrix.minimum ? 31 : 128;
  const double scale = std::abs(static_cast<double>(half_at(at))) * integers;
  return (scale + (matrix.minimum ? std::abs(static_cast<double>(half_at(at + 4))) : 0)) * 0x1.01p-11 +
         integers * 0x1p-25;
}

void expect_values(const DeviceMatrix& matrix, const FileMatrix& file, int first_row = 0,
                   std::size_t first_column = 0) {
  for (int row = 0; row < static_cast<int>(file.rows); ++row) {
    for (int column = 0; column < matrix.columns; ++column) {
      const float expected =
          file.values[static_cast<std::size_t>(row) * file.columns + first_column + static_cast<std::size_t>(column)];
      const float value = device_value(matrix, first_row + row, column);
      if (is_exact(file.type)) {
        ASSERT_EQ(value, expected) << tensor_type_info(file.type)->name << " at " << row << ", " << column;
      } else {
        ASSERT_NEAR(value, expected, rounding(matrix, first_row + row, column))
            << tensor_type_info(file.type)->name << " at " << row << ", " << column;
      }
    }
  }
}

std::size_t columns_of(TensorType type) { return tensor_type_info(type)->elements == 256 ? 512 : 96; }

TEST(DeviceMatrix, EveryTypeKeepsItsValues) {
  for (const TensorType type : kFileTypes) {
    const FileMatrix file = random_matrix(type, 37, columns_of(type), 3);
    const HostMatrix host = lay_out(MatrixPieces({file.view()}));
    ASSERT_EQ(host.matrix.rows, 37);
    ASSERT_EQ(host.matrix.columns, static_cast<int>(file.columns));
    expect_values(host.matrix, file);
  }
}

TEST(DeviceMatrix, PaddingIsZero) {
  for (const TensorType type : kFormatTypes) {
    const FileMatrix file = random_matrix(type, 5, columns_of(type), 4);
    const HostMatrix host = lay_out(MatrixPieces({file.view()}));
    for (int row = 0; row < 16; ++row)
      for (int column = 0; column < matrix_units(host.matrix.columns) * kUnitColumns; ++column)
        if (row >= 5 || column >= host.matrix.columns) ASSERT_EQ(device_value(host.matrix, row, column), 0.0f);
  }
}

TEST(DeviceMatrix, EachNumberHasAPlaceOfItsOwn) {
  for (const TensorType type : kFormatTypes) {
    const FileMatrix file = random_matrix(type, 32, type == TensorType::q6_k ? 256 : 128, 5);
    const HostMatrix host = lay_out(MatrixPieces({file.view()}));
    std::set<std::size_t> values;
    for (int row = 0; row < 32; ++row) {
      for (int column = 0; column < host.matrix.columns; ++column) {
        const ValuePlace place = value_place(host.matrix, row, column);
        ASSERT_LT(place.byte, host.values.size());
        ASSERT_TRUE(values.insert(place.byte * 8 + static_cast<std::size_t>(place.shift)).second);
      }
    }
    EXPECT_EQ(values.size() * static_cast<std::size_t>(host.matrix.bits), host.values.size() * 8);
  }
}

TEST(DeviceMatrix, PiecesStandOnTopOfEachOther) {
  const FileMatrix a = random_matrix(TensorType::q5_0, 21, 96, 6), b = random_matrix(TensorType::iq4_nl, 9, 96, 7);
  const MatrixPieces pieces({a.view(), {b.type, b.data.data() + 2 * tensor_bytes(b.type, 96), 5, 96}, b.view()});
  ASSERT_TRUE(can_lay_out(pieces));
  const HostMatrix host = lay_out(pieces);
  EXPECT_EQ(host.matrix.rows, 35);
  expect_values(host.matrix, a);
  expect_values(host.matrix, b, 26);
  for (int column = 0; column < 96; ++column)
    EXPECT_EQ(device_value(host.matrix, 21, column), b.values[2 * 96 + static_cast<std::size_t>(column)]);
}

TEST(DeviceMatrix, ColumnRangesStartAnywhereAtAGroup) {
  for (const TensorType type : kFileTypes) {
    const FileMatrix file = random_matrix(type, 18, 512, 8);
    const MatrixPieces all({file.view()});
    for (const std::size_t first : {std::size_t{32}, std::size_t{288}}) {
      const MatrixPieces range = all.column_range(first, 160);
      ASSERT_TRUE(can_lay_out(range));
      expect_values(lay_out(range).matrix, file, 0, first);
    }
    EXPECT_FALSE(can_lay_out(all.column_range(16, 32)));
    EXPECT_FALSE(can_lay_out(all.column_range(480, 64)));
  }
}

TEST(DeviceMatrix, OnlyEqualFormatsStack) {
  const FileMatrix a = random_matrix(TensorType::q4_0, 2, 64, 9), b = random_matrix(TensorType::q4_1, 2, 64, 9);
  const FileMatrix wide = random_matrix(TensorType::q4_0, 2, 96, 9);
  EXPECT_TRUE(can_lay_out(MatrixPieces({a.view(), a.view()})));
  EXPECT_FALSE(can_lay_out(MatrixPieces({a.view(), b.view()})));
  EXPECT_FALSE(can_lay_out(MatrixPieces({a.view(), wide.view()})));
}

TEST(DeviceMatrix, TilesCanBeWrittenInAnyOrder) {
  const FileMatrix file = random_matrix(TensorType::q4_k, 50, 256, 10);
  const MatrixPieces pieces({file.view()});
  const HostMatrix whole = lay_out(pieces);
  std::vector<std::byte> values(whole.values.size(), std::byte{0xAA}), scales(whole.scales.size(), std::byte{0xAA});
  lay_out(pieces, 1, 3, values.data(), scales.data());
  lay_out(pieces, 0, 1, values.data(), scales.data());
  EXPECT_EQ(values, whole.values);
  EXPECT_EQ(scales, whole.scales);
}

// Rows of floats far from one: nothing over- or underflows, and rows of zeros stay zero.
TEST(DeviceMatrix, FloatsOfAnySizeFit) {
  const float sizes[] = {0.0f, 1e-37f, 3e38f, 65519.0f, 65504.0f, 1e-7f};
  std::vector<float> values;
  for (const float size : sizes)
    for (int i = 0; i < 32; ++i) values.push_back(size / static_cast<float>(1 << (i % 8)));
  const FileMatrix file{TensorType::f32, 6, 32, {}, values};
  const MatrixView view{TensorType::f32, reinterpret_cast<const std::byte*>(values.data()), 6, 32};
  expect_values(lay_out(MatrixPieces({view})).matrix, file);
}

TEST(DeviceMatrix, EveryHalfIsExact) {
  std::vector<std::uint16_t> halves;
  for (std::uint32_t half = 0; half < 0x7C00; ++half) halves.push_back(static_cast<std::uint16_t>(half));
  const MatrixView view{TensorType::f16, reinterpret_cast<const std::byte*>(halves.data()), 1, halves.size()};
  const HostMatrix host = lay_out(MatrixPieces({view}));
  for (int i = 0; i < 0x7C00; ++i)
    ASSERT_EQ(device_value(host.matrix, 0, i), f16_to_f32(static_cast<std::uint16_t>(i)));
}

}  // namespace
}  // namespace tollgate::local::gpu
