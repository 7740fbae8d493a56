// Why: simdjson's tape for Swift. One call parses a line; Swift then walks the tape without a call per
// element. Not here: what a tape word means (JSONValue.swift) and any allocation per line.
#ifndef CUSTODY_JSON_H
#define CUSTODY_JSON_H

#include <stddef.h>
#include <stdint.h>

#ifdef __cplusplus
extern "C" {
#endif

typedef struct custody_json_parser custody_json_parser;

/// How many readable bytes must follow the text given to custody_json_parse().
enum { custody_json_padding = 64 };

/// Makes a parser that refuses documents deeper than max_depth or longer than max_bytes. NULL: no memory.
custody_json_parser *custody_json_parser_new(size_t max_depth, size_t max_bytes);

/// Frees a parser; NULL is fine.
void custody_json_parser_free(custody_json_parser *parser);

/// Parses one document. On success (0) the tape and the strings belong to the parser until its next call.
/// custody_json_padding bytes behind the text must be readable; their content does not matter.
int custody_json_parse(custody_json_parser *parser, const uint8_t *bytes, size_t length, const uint64_t **tape,
                       const uint8_t **strings);

/// What an error code means, in simdjson's words. The text lives as long as the program.
const char *custody_json_error_text(int code);

#ifdef __cplusplus
}
#endif

#endif
