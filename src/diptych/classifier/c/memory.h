/* Memory: arrays that grow, and tables that are read here and there. */

/* also for what only fetches memory: gcc takes a function without any result to do nothing, and leaves it out */
#if defined(__GNUC__) || defined(__clang__)
#define INLINED static inline __attribute__((always_inline))
#else
#define INLINED static inline
#endif

static int make_room(void *array, Py_ssize_t *room, Py_ssize_t wanted, size_t size)
{
    if (wanted <= *room) return 0;
    Py_ssize_t more = *room ? *room : 256;
    while (more < wanted) more *= 2;
    void *found = realloc(*(void **)array, (size_t)more * size);
    if (!found) return -1;
    *(void **)array = found;
    *room = more;
    return 0;
}

/* zeroed memory for tables: in large pages where the system has them, so that finding a page costs less than reading it;
 * with a cache line to spare */
static void *spread_memory(size_t size)
{
    void *found = NULL;
    size_t page = size > (1 << 20) ? 1 << 21 : 64;
    size = (size + 64 + page - 1) / page * page;
#ifdef _WIN32
    found = _aligned_malloc(size, page);
#else
    if (posix_memalign(&found, page, size)) found = NULL;
#endif
#ifdef MADV_HUGEPAGE
    if (found && page > 64) madvise(found, size, MADV_HUGEPAGE);
#endif
    if (found) memset(found, 0, size);
    return found;
}

static void spread_end(void *at)
{
#ifdef _WIN32
    _aligned_free(at);
#else
    free(at);
#endif
}
