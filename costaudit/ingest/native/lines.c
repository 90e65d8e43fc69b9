/* Lines of flat JSON objects to columns, in one pass. Plain C11, called by ctypes; see reader.py, which gives the memory.

   A line becomes a row only where everything in it is known to be right: it is checked as JSON to the last byte, and every
   wanted value has the type of its column. Any doubt (another type, a key twice, an escape in a key, a number that is not
   exact, deep nesting) leaves the line to the reading record by record, which names what is bad and keeps what is good.

   Bounds: a block ends with a line break, which ends every scan, as no JSON of one line has one. What looks further
   ahead than one byte asks first whether that is in the block. */
#include <float.h>
#include <stdint.h>
#include <string.h>
#if defined(__SSE2__)
#include <emmintrin.h>
#endif
#if defined(_WIN32)
#define EXPORT __declspec(dllexport)
#else
#define EXPORT __attribute__((visibility("default")))
#endif

enum { ABI = 2, DEEPEST = 128, DEEPEST_NAMES = 6 };
enum { INTEGER, FLOAT, FLAG, TEXT, TIME, NUMBER, WAY, LATE, OTHER };  /* kinds of slots */
enum { NAMES = 1, OBJECTS = 2, STRICT = 4 };                          /* what is wanted of the keys below a slot */
enum { NOTHING, VALUE, EMPTY };                                       /* what a row has of a column */
enum { MET = 1, MET_NUMBER = 2 };                                     /* what was seen of a key without a column */

/* A key at its place. The first slot is the record itself. */
typedef struct {
  const char *key;
  int32_t length, above, kind, column, below; /* of a known key: given */
  int32_t met;                                /* set where a value is seen that somebody may want */
  int32_t next;                               /* the slot that followed in the line before */
  int32_t high;                               /* whether the key has other letters than ASCII */
} Slot;

typedef struct {
  void *values;                      /* int64, double or a byte, by kind */
  int32_t *starts, *lengths;         /* texts in the block; the length of one with escapes is inverted */
  int32_t *codes;                    /* texts that come again: their numbers, as long as `words` is not below 0 */
  int32_t *word_starts, *word_lengths, *table;
  int64_t bytes;                     /* at least the length of all texts */
  int32_t words, most_words, mask, added_line, added_at, hard; /* hard: numbers that are left to be converted */
} Column;

typedef struct {
  const char *data;
  int64_t size;
  Slot *slots;
  int32_t *table;
  Column *columns;
  uint8_t *seen;                     /* for every row a byte per column */
  int32_t *row_lines, *left_lines;
  int32_t slot_count, most_slots, mask, width;
  int32_t rows, left, late, full;    /* late: a known key that has no column; full: more keys or lines than there is room for */
  int32_t last, line, high, most_lines;
} Block;

static inline const char *blank(const char *p) {
  while (*p == ' ' || *p == '\t' || *p == '\r') p++;
  return p;
}

static inline int is_digit(char c) { return c >= '0' && c <= '9'; }

static inline int hex(char c) {
  if (is_digit(c)) return c - '0';
  c |= 32;
  return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

static inline uint64_t word_at(const char *p) { uint64_t w; memcpy(&w, p, 8); return w; }

static inline int same(const char *a, const char *b, int32_t n) {
  for (; n >= 8; n -= 8, a += 8, b += 8) if (word_at(a) != word_at(b)) return 0;
  if (n >= 4) {
    uint32_t v, w;
    memcpy(&v, a, 4), memcpy(&w, b, 4);
    if (v != w) return 0;
    a += n - 4, b += n - 4;
    memcpy(&v, a, 4), memcpy(&w, b, 4);
    return v == w;
  }
  for (; n > 0; n--) if (*a++ != *b++) return 0;
  return 1;
}

/* The quote that ends the text at p, or NULL. */
static inline const char *text_end(Block *b, const char *p, int *escaped) {
  const char *end = b->data + b->size;
  *escaped = 0;
  for (;;) {
#if defined(__SSE2__)
    const __m128i quote = _mm_set1_epi8('"'), slash = _mm_set1_epi8('\\'), control = _mm_set1_epi8(31);
    while (end - p >= 16) {
      __m128i v = _mm_loadu_si128((const __m128i *)(const void *)p);
      __m128i stops = _mm_or_si128(_mm_or_si128(_mm_cmpeq_epi8(v, quote), _mm_cmpeq_epi8(v, slash)),
                                   _mm_cmpeq_epi8(_mm_min_epu8(v, control), v));
      uint32_t stop = (uint32_t)_mm_movemask_epi8(stops), high = (uint32_t)_mm_movemask_epi8(v);
      if (stop) {
        b->high |= (high & ((stop & -stop) - 1)) != 0;
        p += __builtin_ctz(stop);
        goto stopped;
      }
      b->high |= high != 0;
      p += 16;
    }
#else
    const uint64_t ones = UINT64_MAX / 255, tops = ones << 7;
    while (end - p >= 8) {
      uint64_t v = word_at(p), q = v ^ (ones * '"'), s = v ^ (ones * '\\');
      if ((((v - ones * 32) & ~v) | ((q - ones) & ~q) | ((s - ones) & ~s)) & tops) break;
      b->high |= (v & tops) != 0;
      p += 8;
    }
#endif
    while ((unsigned char)*p >= 32 && *p != '"' && *p != '\\') b->high |= (*p++ & 0x80) != 0;
#if defined(__SSE2__)
  stopped:
#endif
    if (*p == '"') return p;
    if (*p != '\\') return NULL; /* a control character, or the end of the line */
    *escaped = 1;
    switch (p[1]) {
      case '"': case '\\': case '/': case 'b': case 'f': case 'n': case 'r': case 't': p += 2; break;
      case 'u':
        if (hex(p[2]) < 0 || hex(p[3]) < 0 || hex(p[4]) < 0 || hex(p[5]) < 0) return NULL;
        p += 6;
        break;
      default: return NULL;
    }
  }
}

static uint32_t unit(const char *p) {
  return (uint32_t)(hex(p[0]) << 12 | hex(p[1]) << 8 | hex(p[2]) << 4 | hex(p[3]));
}

/* Writes a text without its escapes, if there is where to; its length, or -1 where it has half of a pair. */
static int64_t unescape(const char *p, int64_t n, char *out) {
  const char *end = p + n;
  int64_t at = 0;
  while (p < end) {
    if (*p != '\\') { if (out) out[at] = *p; at++, p++; continue; }
    uint32_t c;
    switch (p[1]) {
      case 'b': c = '\b', p += 2; break;
      case 'f': c = '\f', p += 2; break;
      case 'n': c = '\n', p += 2; break;
      case 'r': c = '\r', p += 2; break;
      case 't': c = '\t', p += 2; break;
      case 'u':
        c = unit(p + 2), p += 6;
        if (c >= 0xDC00 && c < 0xE000) return -1;
        if (c >= 0xD800 && c < 0xDC00) {
          if (end - p < 6 || p[0] != '\\' || p[1] != 'u') return -1;
          uint32_t low = unit(p + 2);
          if (low < 0xDC00 || low >= 0xE000) return -1;
          c = 0x10000 + ((c - 0xD800) << 10) + (low - 0xDC00), p += 6;
        }
        break;
      default: c = (unsigned char)p[1], p += 2;
    }
    int more = c < 0x80 ? 0 : c < 0x800 ? 1 : c < 0x10000 ? 2 : 3;
    static const unsigned char first[] = {0, 0xC0, 0xE0, 0xF0};
    if (out) {
      out[at] = (char)(first[more] | c >> (6 * more));
      for (int k = 1; k <= more; k++) out[at + k] = (char)(0x80 | (c >> (6 * (more - k)) & 0x3F));
    }
    at += more + 1;
  }
  return at;
}

static int is_utf8(const unsigned char *p, const unsigned char *end) {
  const uint64_t tops = UINT64_MAX / 255 << 7;
  while (p < end) {
    if (end - p >= 16 && !((word_at((const char *)p) | word_at((const char *)p + 8)) & tops)) { p += 16; continue; }
    if (*p < 0x80) { p++; continue; }
    int more = *p >= 0xC2 && *p < 0xE0 ? 1 : (*p & 0xF0) == 0xE0 ? 2 : *p >= 0xF0 && *p < 0xF5 ? 3 : 0;
    if (!more || end - p <= more) return 0;
    if ((*p == 0xE0 && p[1] < 0xA0) || (*p == 0xED && p[1] > 0x9F) || (*p == 0xF0 && p[1] < 0x90)) return 0;
    if (*p == 0xF4 && p[1] > 0x8F) return 0;
    for (int k = 1; k <= more; k++) if ((p[k] & 0xC0) != 0x80) return 0;
    p += more + 1;
  }
  return 1;
}

enum { WHOLE, EXACT, HARD };
typedef struct { int64_t whole; double exact; int kind; } Number;

/* The end of the number at p, or NULL where there is none, or one that is out of all proportion. */
static inline const char *number(const char *p, Number *out) {
  static const double tens[] = {1e0,  1e1,  1e2,  1e3,  1e4,  1e5,  1e6,  1e7,  1e8,  1e9,  1e10, 1e11,
                                1e12, 1e13, 1e14, 1e15, 1e16, 1e17, 1e18, 1e19, 1e20, 1e21, 1e22};
  const int minus = *p == '-';
  p += minus;
  const char *start = p;
  uint64_t m = 0;
  if (!is_digit(*p) || (*p == '0' && is_digit(p[1]))) return NULL;
  while (is_digit(*p)) m = m * 10 + (uint64_t)(*p++ - '0');
  int64_t digits = p - start, exponent = 0;
  if (*p != '.' && *p != 'e' && *p != 'E') {
    out->kind = digits <= 18 ? WHOLE : HARD;
    if (digits <= 18) out->whole = minus ? -(int64_t)m : (int64_t)m;
    return digits <= 40 ? p : NULL;
  }
  if (*p == '.') {
    start = ++p;
    while (is_digit(*p)) m = m * 10 + (uint64_t)(*p++ - '0');
    if (p == start) return NULL;
    exponent = start - p, digits -= exponent;
  }
  if (*p == 'e' || *p == 'E') {
    int64_t e = 0;
    const int down = p[1] == '-';
    p += p[1] == '-' || p[1] == '+' ? 2 : 1;
    start = p;
    while (is_digit(*p)) { if (e < 1000) e = e * 10 + (*p - '0'); p++; }
    if (p == start || e > 280) return NULL;
    exponent += down ? -e : e;
  }
  if (digits > 40) return NULL;
  out->kind = HARD;
  if (FLT_EVAL_METHOD == 0 && digits <= 18 && m < 1ull << 53 && exponent >= -22 && exponent <= 22) {
    double v = exponent < 0 ? (double)m / tens[-exponent] : (double)m * tens[exponent];
    out->exact = minus ? -v : v, out->kind = EXACT;
  }
  return p;
}

static inline const char *literal(const char *p, const char *rest) {
  while (*rest) if (*p++ != *rest++) return NULL;
  return p;
}

/* The end of the value at p, whatever it is; NULL where it is none. */
static const char *skip(Block *b, const char *p) {
  uint64_t lists[DEEPEST / 64]; /* for every depth, whether a list is open and not an object */
  int depth = 0, escaped, in_list = 0;
  Number n;
  for (;;) {
    switch (*p) {
      case '"': if (!(p = text_end(b, p + 1, &escaped))) return NULL; p++; break;
      case '{': case '[':
        if (depth == DEEPEST) return NULL;
        if (depth % 64 == 0) lists[depth / 64] = 0;
        lists[depth / 64] = lists[depth / 64] << 1 | (unsigned)in_list;
        depth++, in_list = *p == '[';
        p = blank(p + 1);
        if (*p == (in_list ? ']' : '}')) goto ended;
        if (in_list) continue;
        goto key;
      case 't': if (!(p = literal(p, "true"))) return NULL; break;
      case 'f': if (!(p = literal(p, "false"))) return NULL; break;
      case 'n': if (!(p = literal(p, "null"))) return NULL; break;
      default: if (!(p = number(p, &n))) return NULL;
    }
    for (;;) {
      if (!depth) return p;
      p = blank(p);
      if (*p == ',') break;
      if (*p != (in_list ? ']' : '}')) return NULL;
    ended:
      p++, depth--;
      in_list = (int)(lists[depth / 64] & 1), lists[depth / 64] >>= 1;
    }
    p = blank(p + 1);
    if (in_list) continue;
  key:
    if (*p != '"' || !(p = text_end(b, p + 1, &escaped))) return NULL;
    p = blank(p + 1);
    if (*p != ':') return NULL;
    p = blank(p + 1);
  }
}

static inline uint32_t hash(const char *p, int32_t n, uint32_t seed) {
  const uint64_t mix = 0x9E3779B97F4A7C15ull;
  uint64_t h = ((uint64_t)seed << 32 | (uint32_t)n) * mix, w = 0;
  for (; n >= 8; n -= 8, p += 8) h = (h ^ word_at(p)) * mix, h ^= h >> 29;
  memcpy(&w, p, (size_t)n);
  h = (h ^ w) * mix;
  return (uint32_t)(h >> 32);
}

/* Keeps the number of a text that comes again; words below 0: there are too many, or one has an escape. */
static inline void keep_word(Block *b, Column *c, int32_t start, int32_t n) {
  const char *text = b->data + start;
  uint32_t at = hash(text, n, 0) & (uint32_t)c->mask;
  for (int32_t k; (k = c->table[at]) >= 0; at = (at + 1) & (uint32_t)c->mask)
    if (c->word_lengths[k] == n && same(b->data + c->word_starts[k], text, n)) {
      c->codes[b->rows] = k;
      return;
    }
  if (c->words == c->most_words) { c->words = -1; return; }
  c->word_starts[c->words] = start, c->word_lengths[c->words] = n;
  c->added_line = b->line, c->added_at = (int32_t)at;
  c->codes[b->rows] = c->table[at] = c->words++;
}

static inline void keep_text(Block *b, Column *c, const char *text, int64_t n, int escaped) {
  const int32_t start = (int32_t)(text - b->data), length = (int32_t)n;
  c->starts[b->rows] = start, c->lengths[b->rows] = escaped ? ~length : length, c->bytes += n;
  if (!c->table || c->words < 0) return;
  if (escaped) c->words = -1;
  else keep_word(b, c, start, length);
}

static inline int two(const char *p) { return is_digit(p[0]) && is_digit(p[1]) ? (p[0] - '0') * 10 + (p[1] - '0') : -9999; }

/* YYYY-MM-DDTHH:MM:SS[.f][Z|+HH:MM] as microseconds; 0 where a text of n bytes is not that. */
static int time_of(const char *p, int64_t n, int64_t *out) {
  static const int days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
  if (n < 19 || p[4] != '-' || p[7] != '-' || (p[10] != 'T' && p[10] != ' ') || p[13] != ':' || p[16] != ':') return 0;
  int year = two(p) * 100 + two(p + 2), month = two(p + 5), day = two(p + 8);
  int hour = two(p + 11), minute = two(p + 14), second = two(p + 17), away = 0;
  if (year < 1 || month < 1 || month > 12 || day < 1 || hour < 0 || hour > 23) return 0;
  if (minute < 0 || minute > 59 || second < 0 || second > 59) return 0;
  if (day > days[month - 1] + (month == 2 && year % 4 == 0 && (year % 100 != 0 || year % 400 == 0))) return 0;
  int64_t at = 19, us = 0;
  if (at < n && p[at] == '.') {
    int k = 0;
    for (at++; at < n && is_digit(p[at]) && k < 7; at++, k++) us = us * 10 + (p[at] - '0');
    if (!k || k > 6) return 0;
    for (; k < 6; k++) us *= 10;
  }
  if (at < n && p[at] == 'Z') at++;
  else if (n - at == 6 && (p[at] == '+' || p[at] == '-') && p[at + 3] == ':') {
    int hours = two(p + at + 1), minutes = two(p + at + 4);
    if (hours < 0 || hours > 23 || minutes < 0 || minutes > 59) return 0;
    away = (hours * 60 + minutes) * (p[at] == '-' ? -1 : 1), at = n;
  }
  if (at != n) return 0;
  year -= month <= 2; /* days from civil, by H. Hinnant */
  int era = year / 400, of_era = year - era * 400, of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5 + day - 1;
  int64_t date = (int64_t)era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
  *out = ((date * 24 + hour) * 60 + minute - away) * 60000000 + second * 1000000 + us;
  return 1;
}

/* Whether a value can be a number above 0, as it is or as text; what it is with its escapes, others say. */
static inline int may_be_number(const char *p, const char *end) {
  if (*p != '"') return is_digit(*p);
  for (p++, end--; p < end; p++) {
    if (*p == '\\' || (*p & 0x80)) return 1;
    if (!is_digit(*p) && *p != '+' && *p != '.' && *p != ' ') return 0;
  }
  return 1;
}

/* Takes the value at p into a row; its end, or NULL where it has another type. */
static inline const char *take(Block *b, const Slot *slot, const char *p) {
  Column *c = b->columns + slot->column;
  const int32_t row = b->rows;
  const char *start = p;
  int escaped;
  Number n;
  switch (slot->kind) {
    case TEXT: case TIME:
      if (*p != '"' || !(p = text_end(b, ++start, &escaped))) return NULL;
      if (escaped && (slot->kind == TIME || unescape(start, p - start, NULL) < 0)) return NULL;
      if (slot->kind == TEXT) keep_text(b, c, start, p - start, escaped);
      else if (!time_of(start, p - start, (int64_t *)c->values + row)) return NULL;
      return p + 1;
    case FLAG:
      ((uint8_t *)c->values)[row] = *p == 't';
      return literal(p, *p == 't' ? "true" : "false");
    case INTEGER:
      if (!(p = number(p, &n)) || n.kind != WHOLE) return NULL;
      ((int64_t *)c->values)[row] = n.whole;
      return p;
    default:
      if (!(p = number(p, &n))) return NULL;
      ((double *)c->values)[row] = n.kind == WHOLE ? (double)n.whole : n.exact;
      if (n.kind == HARD) {
        ((double *)c->values)[row] = 0;
        c->starts[c->hard] = (int32_t)(start - b->data), c->lengths[c->hard] = (int32_t)(p - start);
        c->codes[c->hard++] = row;
      }
      return p;
  }
}

/* The slot of a key, made where there is none; -1 where there is no room. */
static int32_t slot_of(Block *b, int32_t above, const char *key, int32_t n, int high) {
  uint32_t at = hash(key, n, (uint32_t)above) & (uint32_t)b->mask;
  for (int32_t k; (k = b->table[at]) >= 0; at = (at + 1) & (uint32_t)b->mask) {
    const Slot *slot = b->slots + k;
    if (slot->above == above && slot->length == n && same(slot->key, key, n)) return k;
  }
  if (b->slot_count == b->most_slots) return -1;
  b->slots[b->slot_count] = (Slot){key, n, above, OTHER, -1, b->slots[above].below & OBJECTS ? NAMES | OBJECTS : 0, 0, -1, high};
  return b->table[at] = b->slot_count++;
}

/* The end of the object whose first key or end is at p. */
static const char *object(Block *b, const char *p, int32_t above, int depth) {
  const int wanted = b->slots[above].below;
  const char *end = b->data + b->size;
  p = blank(p);
  if (*p == '}') return p + 1;
  for (;;) {
    if (*p++ != '"') return NULL;
    int32_t at = b->slots[b->last].next;
    const Slot *guess = b->slots + (at > 0 ? at : 0);
    if (at > 0 && guess->above == above && end - p > guess->length && p[guess->length] == '"'
        && same(p, guess->key, guess->length)) {
      p += guess->length, b->high |= guess->high;
    } else {
      const char *key = p;
      int escaped, high = b->high;
      b->high = 0;
      if (!(p = text_end(b, key, &escaped)) || escaped) return NULL;
      at = slot_of(b, above, key, (int32_t)(p - key), b->high);
      b->high |= high;
      if (at > 0) b->slots[b->last].next = at;
    }
    p = blank(p + 1);
    if (*p != ':') return NULL;
    p = blank(p + 1);
    Slot *slot = b->slots + (at > 0 ? at : 0);
    const int kind = at > 0 ? slot->kind : OTHER;
    if (at > 0) b->last = at;
    else if (wanted & NAMES) b->full = 1;
    if (kind < OTHER && kind != LATE) {
      uint8_t *seen = b->seen + (int64_t)b->rows * b->width + slot->column;
      if (*seen) return NULL; /* the key twice */
      *seen = EMPTY;
      if (kind < NUMBER) {
        if (*p == 'n') p = literal(p, "null");
        else if ((p = take(b, slot, p))) *seen = VALUE;
        if (!p) return NULL;
        goto taken;
      }
    }
    if (*p == '{' && depth < DEEPEST_NAMES && (kind == WAY || (at > 0 && wanted & OBJECTS))) {
      if (!(p = object(b, p + 1, at, depth + 1))) return NULL;
    } else {
      const char *start = p;
      if (kind == LATE && *p != 'n') { b->late = 1; return NULL; }
      if (kind == WAY && slot->below & STRICT && *p != 'n') return NULL;
      if (!(p = skip(b, p))) return NULL;
      if (wanted & NAMES && at > 0 && *start != 'n') slot->met |= MET;
      if (wanted & NAMES && at > 0 && may_be_number(start, p)) {
        slot->met |= MET_NUMBER;
        if (kind == NUMBER) {
          b->seen[(int64_t)b->rows * b->width + slot->column] = VALUE;
          keep_text(b, b->columns + slot->column, start, p - start, 0);
        }
      }
    }
  taken:
    p = blank(p);
    if (*p == '}') return p + 1;
    if (*p != ',') return NULL;
    p = blank(p + 1);
  }
}

/* Undoes what a line that is left has added to the columns. */
static void undo(Block *b) {
  for (int32_t k = 0; k < b->width; k++) {
    Column *c = b->columns + k;
    if (c->table && c->words > 0 && c->added_line == b->line) c->table[c->added_at] = -1, c->words--, c->added_line = -1;
    while (c->hard > 0 && c->codes[c->hard - 1] == b->rows) c->hard--;
  }
}

EXPORT int32_t costaudit_lines_abi(void) { return ABI; }

EXPORT int64_t costaudit_newlines(const char *data, int64_t size) {
  int64_t found = 0;
  for (const char *p = data, *end = data + size; p < end && (p = memchr(p, '\n', (size_t)(end - p))); p++) found++;
  return found;
}

/* Reads a block that ends with a line break and is smaller than 2 GB. */
EXPORT void costaudit_lines(Block *b) {
  const char *p = b->data, *end = b->data + b->size;
  for (int32_t k = 1; k < b->slot_count; k++) {
    const Slot *slot = b->slots + k;
    uint32_t at = hash(slot->key, slot->length, (uint32_t)slot->above) & (uint32_t)b->mask;
    while (b->table[at] >= 0) at = (at + 1) & (uint32_t)b->mask;
    b->table[at] = k;
  }
  for (b->line = 0; p < end && !b->late; b->line++) {
    const char *line = p;
    if (b->line == b->most_lines) { b->full = 1; return; }
    memset(b->seen + (int64_t)b->rows * b->width, NOTHING, (size_t)b->width);
    b->last = 0, b->high = 0;
    p = blank(p);
    if (*p == '\n') { p++; continue; }
    p = *p == '{' ? object(b, p + 1, 0, 0) : NULL;
    if (p && *(p = blank(p)) == '\n' && (!b->high || is_utf8((const unsigned char *)line, (const unsigned char *)p))) {
      b->row_lines[b->rows++] = b->line;
      p++;
    } else {
      undo(b);
      b->left_lines[b->left++] = b->line;
      p = (const char *)memchr(line, '\n', (size_t)(end - line)) + 1;
    }
  }
}

/* Puts some texts one after the other, without escapes. */
EXPORT void costaudit_texts(const char *data, const int32_t *starts, const int32_t *lengths, int64_t count,
                            int32_t *offsets, char *out) {
  int64_t at = 0;
  for (int64_t k = 0; k < count; k++) {
    offsets[k] = (int32_t)at;
    if (lengths[k] < 0) at += unescape(data + starts[k], ~lengths[k], out + at);
    else if (lengths[k]) memcpy(out + at, data + starts[k], (size_t)lengths[k]), at += lengths[k];
  }
  offsets[count] = (int32_t)at;
}
