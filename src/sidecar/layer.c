/*
 * Makes the blob of a layer from standard input in one pass: compresses it on every core, and takes the digests of what
 * comes in and what goes out.
 *
 *   layer file   any bytes, as they are
 *   layer gzip   a tar up to its end mark, by ISA-L's level 1
 *   layer none   the same by its level 0, which costs least and is gzip to whoever reads it
 *   layer zstd   the same by zstd's level 1, which uses the cores itself
 *
 * The blob goes to standard output and, when it is whole, a line to descriptor 3: the blob's digest, its size, and the
 * digest of what is in it. The same input gives the same blob on any number of cores: for gzip, pieces of one size are
 * compressed each by itself, and end at a byte with an empty stored block (RFC 1951 3.2.4), so that they can follow one
 * another; zstd does alike within its one frame.
 */
#define _GNU_SOURCE
#include <errno.h>
#include <fcntl.h>
#include <isa-l.h>
#include <nettle/sha2.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <zstd.h>

enum {
  BLOCK = 512, /* of a tar */
  PIECE = 1024 * BLOCK,
  PACKED = PIECE + 4096, /* what cannot be compressed is stored, with 5 bytes for each 64 KiB */
  PIPE = 1 << 20, /* the most that a user may ask for: proc_sys_fs(5), pipe-max-size */
  MOST_WORKERS = 4,
};

static void die(const char *what, int error) {
  fprintf(stderr, "oras: error: layer: %s%s%s\n", what, error ? ": " : "", error ? strerror(error) : "");
  _exit(1);
}

/* Pieces go round in a ring: the reader fills them in order, whichever worker is free packs one, the writer takes them
   in order again. */
typedef enum { FREE, FILLED, TAKEN, READY } state;

typedef struct {
  state state;
  bool last;
  size_t length, packed_length;
  uint8_t in[PIECE], packed[PACKED];
} piece;

static piece *ring;
static unsigned pieces;
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed = PTHREAD_COND_INITIALIZER;

static piece *await(uint64_t number, state wanted) {
  piece *p = &ring[number % pieces];
  pthread_mutex_lock(&lock);
  while (p->state != wanted) pthread_cond_wait(&changed, &lock);
  pthread_mutex_unlock(&lock);
  return p;
}

static void set(piece *p, state next) {
  pthread_mutex_lock(&lock);
  p->state = next;
  pthread_cond_broadcast(&changed);
  pthread_mutex_unlock(&lock);
}

/* Where a tar ends: tar(5). What follows its end mark is padding, which other readers do not look at, so it is neither
   in the blob nor in the digest. */
static uint64_t member_left;
static bool after_zeros;

static uint64_t size_of_member(const uint8_t *header) {
  const uint8_t *field = header + 124;
  uint64_t size = 0;
  if (field[0] & 0x80) { /* GNU: 8 GiB and more, base 256 */
    for (unsigned i = 1; i < 12; i++) {
      if (size >> 48) die("a member of the tar has a size that cannot be", 0);
      size = size << 8 | field[i];
    }
  } else {
    for (unsigned i = 0; i < 12 && field[i] >= '0' && field[i] <= '7'; i++) size = size << 3 | (field[i] - '0');
  }
  return size;
}

/* How many of the next bytes are the tar's. */
static size_t up_to_end_mark(const uint8_t *bytes, size_t length, bool *ends) {
  static const uint8_t zeros[BLOCK];
  for (size_t at = 0; length - at >= BLOCK;) {
    if (member_left > 0) {
      size_t skipped = length - at < member_left ? length - at : member_left;
      member_left -= skipped;
      at += skipped;
      continue;
    }
    const uint8_t *header = bytes + at;
    at += BLOCK;
    if (memcmp(header, zeros, BLOCK) == 0) {
      if (after_zeros) {
        *ends = true;
        return at;
      }
      after_zeros = true;
    } else {
      if (after_zeros || memcmp(header + 257, "ustar", 5) != 0) die("what is to be packed is not a tar", 0);
      member_left = (size_of_member(header) + BLOCK - 1) / BLOCK * BLOCK;
    }
  }
  return length;
}

static enum { FILE_AS_IT_IS, GZIP, NONE, ZSTD } kind;
static struct sha256_ctx input_hash;
static uint64_t input_size;
static uint32_t input_crc;

static size_t read_all(uint8_t *to, size_t most) {
  size_t length = 0;
  while (length < most) {
    ssize_t n = read(STDIN_FILENO, to + length, most - length);
    if (n < 0 && errno != EINTR) die("cannot read", errno);
    if (n == 0) break;
    if (n > 0) length += n;
  }
  return length;
}

/* Who writes it must not find the pipe closed. */
static void read_padding(void) {
  static uint8_t padding[4096];
  while (read_all(padding, sizeof padding) > 0) continue;
}

static void *read_pieces(void *unused) {
  bool last = false;
  for (uint64_t number = 0; !last; number++) {
    piece *p = await(number, FREE);
    p->length = read_all(p->in, PIECE);
    bool over = p->length < PIECE;
    if (kind == FILE_AS_IT_IS) {
      last = over;
    } else {
      p->length = up_to_end_mark(p->in, p->length, &last);
      if (over && !last) die("the tar ends before its end mark", 0);
      input_crc = crc32_gzip_refl(input_crc, p->in, p->length);
    }
    sha256_update(&input_hash, p->length, p->in);
    input_size += p->length;
    p->last = last;
    if (last) read_padding();
    set(p, kind == GZIP || kind == NONE ? FILLED : READY);
  }
  return unused;
}

static uint64_t next_to_pack;

static piece *take_filled(void) {
  piece *p;
  pthread_mutex_lock(&lock);
  while (p = &ring[next_to_pack % pieces], p->state != FILLED) pthread_cond_wait(&changed, &lock);
  p->state = TAKEN;
  next_to_pack++;
  pthread_mutex_unlock(&lock);
  return p;
}

static size_t deflate_piece(piece *p, uint8_t *memory) {
  struct isal_zstream stream;
  isal_deflate_stateless_init(&stream);
  stream.flush = FULL_FLUSH;
  if (kind == GZIP) stream.level = 1, stream.level_buf = memory, stream.level_buf_size = ISAL_DEF_LVL1_DEFAULT;
  stream.next_in = p->in, stream.avail_in = p->length;
  stream.next_out = p->packed, stream.avail_out = PACKED;
  if (isal_deflate_stateless(&stream) != COMP_OK || stream.avail_in > 0) die("cannot compress", 0);
  return PACKED - stream.avail_out;
}

static void *pack_pieces(void *unused) {
  uint8_t *memory = malloc(ISAL_DEF_LVL1_DEFAULT);
  if (memory == NULL) die("no memory", 0);
  for (;;) {
    piece *p = take_filled();
    p->packed_length = deflate_piece(p, memory);
    set(p, READY);
  }
  return unused;
}

static struct sha256_ctx blob_hash;
static uint64_t blob_size;

static void put(const uint8_t *from, size_t length) {
  sha256_update(&blob_hash, length, from);
  blob_size += length;
  while (length > 0) {
    ssize_t n = write(STDOUT_FILENO, from, length);
    if (n < 0 && errno != EINTR) die("cannot write the blob", errno);
    if (n > 0) from += n, length -= n;
  }
}

/* RFC 1952: no name and no time, an empty last block, then what the input was. */
static void put_gzip_header(void) {
  static const uint8_t header[10] = {0x1f, 0x8b, 8, [9] = 3};
  put(header, sizeof header);
}

static void put_gzip_trailer(void) {
  uint8_t trailer[10] = {3, 0};
  for (unsigned i = 0; i < 4; i++) trailer[2 + i] = input_crc >> 8 * i, trailer[6 + i] = input_size >> 8 * i;
  put(trailer, sizeof trailer);
}

/* One frame: some readers stop at the end of the first (RFC 8878 3.1 allows many). */
static ZSTD_CCtx *start_zstd(unsigned workers) {
  ZSTD_CCtx *context = ZSTD_createCCtx();
  if (context == NULL) die("no memory", 0);
  if (ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_compressionLevel, 1)) ||
      ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_checksumFlag, 1)) ||
      ZSTD_isError(ZSTD_CCtx_setParameter(context, ZSTD_c_nbWorkers, (int)workers)))
    die("cannot set zstd up", 0);
  return context;
}

static void put_by_zstd(ZSTD_CCtx *context, piece *p) {
  ZSTD_inBuffer in = {p->in, p->length, 0};
  size_t left;
  do {
    ZSTD_outBuffer out = {p->packed, PACKED, 0};
    left = ZSTD_compressStream2(context, &out, &in, p->last ? ZSTD_e_end : ZSTD_e_continue);
    if (ZSTD_isError(left)) die(ZSTD_getErrorName(left), 0);
    put(p->packed, out.pos);
  } while (p->last ? left > 0 : in.pos < in.size);
}

static const char *in_hex(struct sha256_ctx *hash, char *text) {
  uint8_t digest[SHA256_DIGEST_SIZE];
  sha256_digest(hash, sizeof digest, digest);
  for (unsigned i = 0; i < sizeof digest; i++) sprintf(text + 2 * i, "%02x", digest[i]);
  return text;
}

static void start(void *(*what)(void *)) {
  pthread_t thread;
  int error = pthread_create(&thread, NULL, what, NULL);
  if (error) die("cannot start a thread", error);
  pthread_detach(thread);
}

static unsigned workers(void) {
  cpu_set_t set;
  int cores = sched_getaffinity(0, sizeof set, &set) == 0 ? CPU_COUNT(&set) : 1;
  return cores < MOST_WORKERS ? cores : MOST_WORKERS;
}

static const char *const names[] = {[FILE_AS_IT_IS] = "file", [GZIP] = "gzip", [NONE] = "none", [ZSTD] = "zstd"};

static void read_kind(int count, char **words) {
  for (kind = FILE_AS_IT_IS; kind <= ZSTD; kind++)
    if (count == 2 && strcmp(words[1], names[kind]) == 0) return;
  die("usage: layer file, layer gzip, layer none, layer zstd", 0);
}

int main(int count, char **words) {
  read_kind(count, words);
  unsigned packers = workers();
  pieces = 2 * packers + 2;
  ring = calloc(pieces, sizeof *ring);
  if (ring == NULL) die("no memory", 0);
  sha256_init(&input_hash);
  sha256_init(&blob_hash);
  fcntl(STDIN_FILENO, F_SETPIPE_SZ, PIPE); /* a favour to who writes, where it is a pipe */
  start(read_pieces);

  bool last = false, deflates = kind == GZIP || kind == NONE;
  ZSTD_CCtx *zstd = kind == ZSTD ? start_zstd(packers) : NULL;
  while (deflates && packers-- > 0) start(pack_pieces);
  if (deflates) put_gzip_header();
  for (uint64_t number = 0; !last; number++) {
    piece *p = await(number, READY);
    last = p->last;
    if (kind == FILE_AS_IT_IS) put(p->in, p->length);
    else if (kind == ZSTD) put_by_zstd(zstd, p);
    else put(p->packed, p->packed_length);
    set(p, FREE);
  }
  if (deflates) put_gzip_trailer();
  ZSTD_freeCCtx(zstd);

  char blob[65], input[65];
  if (dprintf(3, "sha256:%s %llu sha256:%s\n", in_hex(&blob_hash, blob), (unsigned long long)blob_size,
              in_hex(&input_hash, input)) < 0)
    die("cannot write the digests", errno);
  return 0;
}
