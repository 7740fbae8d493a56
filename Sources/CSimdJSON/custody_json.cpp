// Why: the only C++ of the project: a plain C face for simdjson's DOM parser. Everything called here is
// noexcept or allocates with nothrow, so no exception can reach Swift.
#include "custody_json.h"

#include <new>
#include <simdjson.h>

struct custody_json_parser {
  size_t max_depth;
  size_t max_bytes;
  simdjson::dom::parser dom;

  custody_json_parser(size_t depth, size_t bytes) noexcept : max_depth(depth), max_bytes(bytes), dom(bytes) {}
};

static_assert(custody_json_padding >= simdjson::SIMDJSON_PADDING, "simdjson reads further than we promise");

// Buffers grow by doubling: left alone, simdjson would reallocate for each line longer than all before it.
static simdjson::error_code reserve(custody_json_parser &parser, size_t length) noexcept {
  size_t capacity = 4096;
  while (capacity < length) capacity *= 2;
  if (capacity > parser.max_bytes) capacity = parser.max_bytes;
  simdjson::error_code failed = parser.dom.doc.allocate(capacity);
  return failed ? failed : parser.dom.allocate(capacity, parser.max_depth);
}

extern "C" custody_json_parser *custody_json_parser_new(size_t max_depth, size_t max_bytes) {
  // simdjson's own bounds: at least one level, and a tape whose indices fit 32 bits.
  size_t depth = max_depth < 1 ? 1 : max_depth;
  size_t smallest = 64, largest = 0xFFFFFFFF;
  size_t bytes = max_bytes < smallest ? smallest : max_bytes > largest ? largest : max_bytes;
  return new (std::nothrow) custody_json_parser(depth, bytes);
}

extern "C" void custody_json_parser_free(custody_json_parser *parser) { delete parser; }

extern "C" int custody_json_parse(custody_json_parser *parser, const uint8_t *bytes, size_t length,
                                  const uint64_t **tape, const uint8_t **strings) {
  *tape = nullptr;
  *strings = nullptr;
  if (length > parser->max_bytes) return simdjson::CAPACITY;
  if (length > parser->dom.doc.capacity() || parser->dom.capacity() == 0) {
    simdjson::error_code failed = reserve(*parser, length);
    if (failed) return failed;
  }
  simdjson::error_code failed = parser->dom.parse(bytes, length, false).error();
  if (failed) return failed;
  *tape = parser->dom.doc.tape.get();
  *strings = parser->dom.doc.string_buf.get();
  return simdjson::SUCCESS;
}

extern "C" const char *custody_json_error_text(int code) {
  if (code < 0 || code >= simdjson::NUM_ERROR_CODES) return "unknown error";
  return simdjson::error_message(simdjson::error_code(code));
}
