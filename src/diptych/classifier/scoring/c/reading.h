/* A text → sentences → words: sentences.py, analyser.py. Read twice by the compiler, as tokens.h is behind it: for codes
 * of a byte and for UCS-4; before each, LETTER, F(name), HAS(letter, kinds), VALUE(letter), IS_MARK and MARK_OF are set.
 */

/* sentences */

/* where a stop that stands at i lets the next sentence begin, or -1 */
static Py_ssize_t F(stop_end)(const Kernel *k, const LETTER *s, Py_ssize_t n, Py_ssize_t i)
{
    Py_ssize_t j = i + 1;
    (void)k;
    if (HAS(s[i], WIDE_STOP)) {
        while (j < n && HAS(s[j], CLOSES_WIDE)) j++;
        return j;
    }
    while (j < n && HAS(s[j], CLOSES)) j++;
    Py_ssize_t blanks = j;
    while (j < n && HAS(s[j], SPACE)) j++;
    if (j > blanks && j < n && (HAS(s[j], BEGINS) || (HAS(s[j], OPENS) && j + 1 < n && HAS(s[j + 1], BEGINS)))) return j;
    return -1;
}

/* whether what ends in a full stop at `end` (after it) is an abbreviation or an initial; it begins at `start` */
static int F(abbreviated)(const Kernel *k, const LETTER *s, Py_ssize_t start, Py_ssize_t end)
{
    Py_ssize_t first = end - TAIL > start ? end - TAIL : start, stop = end - 1;
    (void)k;
    if (stop > first && HAS(s[stop - 1], WORD) && !HAS(s[stop - 1], DIGIT) && s[stop - 1] != '_'
        && (stop - 1 == first || !HAS(s[stop - 2], WORD))) return 1;
    for (const char *const *name = SHORT; *name; name++) {
        Py_ssize_t n = (Py_ssize_t)strlen(*name), from = stop - n;
        if (from < first || s[from] != (LETTER)(*name)[0] || (from > first && HAS(s[from - 1], WORD))) continue;
        Py_ssize_t i = 0;
        while (i < n && s[from + i] == (LETTER)(*name)[i]) i++;
        if (i == n) return 1;
    }
    return 0;
}

static int F(read_text)(Kernel *k, const LETTER *s, Py_ssize_t n)
{
    Py_ssize_t start = 0;
    unsigned seen = 0;
    for (Py_ssize_t i = 0; i < n;) {
        unsigned kinds = HAS(s[i], 0xFFFF);
        seen |= kinds;
        if (!(kinds & (STOP | WIDE_STOP))) { i++; continue; }
        Py_ssize_t next = F(stop_end)(k, s, n, i);
        if (next < 0) { i++; continue; }
        Py_ssize_t end = next;
        while (end > start && HAS(s[end - 1], SPACE)) end--;
        i = next;
        if (end > start && s[end - 1] == '.' && F(abbreviated)(k, s, start, end)) continue;
        while (start < end && HAS(s[start], SPACE)) start++;
        if (end > start && F(read_sentence)(k, s + start, end - start)) return -1;
        start = next;
    }
    k->seen = seen;
    while (n > start && HAS(s[n - 1], SPACE)) n--;
    while (start < n && HAS(s[start], SPACE)) start++;
    return n > start ? F(read_sentence)(k, s + start, n - start) : 0;
}

/* words and pairs, letter runs */

static hashed F(hash)(const Kernel *k, const LETTER *s, Py_ssize_t n)
{
    hashed r = {0, 1};
    (void)k;
    for (Py_ssize_t i = 0; i < n; i++) {
        r.h += VALUE(s[i]) * r.power;
        r.power *= BASE;
    }
    return r;
}

/* Keep a word: its term, and what its runs of four letters add. Returns where, or -1. */
static int32_t F(keep)(Kernel *k, const LETTER *s, Py_ssize_t n, uint64_t h)
{
    if (make_room(&k->edged.at, &k->edged.room, n + 2, sizeof(uint64_t))) return -1;
    int32_t place = place_to_keep(&k->kept, h);
    kept_word *to = &k->kept.at[place];
    float *row = kept_row(&k->kept, place);
    uint64_t *v = k->edged.at, known_as = mix(h ^ SEEDS[WORDS]);
    *to = (kept_word){h, perhaps(&k->index, known_as) ? find(&k->index, known_as) : -1, 0};
    memset(row, 0, (size_t)k->index.values * sizeof(float));
    if (n < 2) return place;
    v[0] = v[n + 1] = '_' + 1;
    for (Py_ssize_t i = 0; i < n; i++) v[i + 1] = VALUE(s[i]);
    k->word_runs.n = 0;
    for (Py_ssize_t i = 0; i + 4 <= n + 2; i++)
        if (put(&k->word_runs, v[i] + v[i + 1] * POWER[1] + v[i + 2] * POWER[2] + v[i + 3] * POWER[3])) { to->h = 0; return -1; }
    look_up(&k->index, &k->word_runs, RUNS);
    for (Py_ssize_t i = 0; i < k->word_runs.n; i++) {
        const record *r = record_at(&k->index, (uint32_t)k->word_runs.at[i]);
        to->length += r->length * r->length;
        for (Py_ssize_t j = 0; j < k->index.values; j++) row[j] += r->length * r->row[j];
    }
    return place;
}

/* the end of the word that begins at i, and its hash: letters and digits, then an apostrophe with letters */
static Py_ssize_t F(word_at)(const Kernel *k, const LETTER *s, Py_ssize_t n, Py_ssize_t i, hashed *name)
{
    Py_ssize_t start = i;
    uint64_t h = 0;
    (void)k;
    if (HAS(s[i], INNER)) {
        do {
            h += VALUE(s[i]) * POWER[(i - start) & (POWERS - 1)];
            i++;
        } while (i < n && HAS(s[i], INNER));
        if (i + 1 < n && HAS(s[i], APOSTROPHE) && HAS(s[i + 1], INNER) && !HAS(s[i + 1], DIGIT)) {
            do {
                h += VALUE(s[i]) * POWER[(i - start) & (POWERS - 1)];
                i++;
            } while (i < n && HAS(s[i], INNER) && !HAS(s[i], DIGIT));
        }
    } else {
        h = VALUE(s[i]);
        i++;
    }
    if (i - start < POWERS) *name = (hashed){h, POWER[i - start]};
    else *name = F(hash)(k, s + start, i - start);
    return i;
}

/* the words of a sentence, found: their terms, and their runs */
static int F(add_words)(Kernel *k, const LETTER *s)
{
    for (Py_ssize_t i = 0; i < k->words.n; i++) {
        word *w = &k->words.at[i];
        w->kept = kept_at(&k->kept, w->h);
        if (w->kept < 0) continue;
        __builtin_prefetch(kept_row(&k->kept, w->kept));
        int32_t term = k->kept.at[w->kept].term;
        if (term >= 0) __builtin_prefetch(record_at(&k->index, (uint32_t)term));
    }
    for (Py_ssize_t i = 0; i < k->words.n; i++) {
        word w = k->words.at[i];
        /* a word that was kept may have given way to a new one of this sentence */
        if (w.kept < 0 || k->kept.at[w.kept].h != w.h) w.kept = kept_at(&k->kept, w.h);
        if (w.kept < 0 && (w.kept = F(keep)(k, s + w.start, w.end - w.start, w.h)) < 0) return -1;
        const kept_word *found = &k->kept.at[w.kept];
        k->runs_length += (double)found->length;
        add_runs(k->runs, kept_row(&k->kept, w.kept), k->index.values);
        if (found->term >= 0 && put(&k->singles, (uint64_t)found->term)) return -1;
    }
    return 0;
}

static int F(read_words)(Kernel *k, const LETTER *s, Py_ssize_t n)
{
    hashed before = {0, 0}, name;
    k->words.n = 0;
    for (Py_ssize_t i = 0; i < n;) {
        if (!HAS(s[i], INNER | WIDE)) { i++; continue; }
        Py_ssize_t start = i;
        i = F(word_at)(k, s, n, i, &name);
        __builtin_prefetch(&k->kept.at[set_of(name.h)]);
        if (k->words.n == k->words.room && make_room(&k->words.at, &k->words.room, k->words.n + 1, sizeof(word))) return -1;
        k->words.at[k->words.n++] = (word){name.h, start, i, -1};
        if (k->words.n > 1 && put(&k->pairs, before.h + before.power * (blank.h + BASE * name.h))) return -1;
        before = name;
        count_small_word(k, name.h);
    }
    k->word_count += k->words.n;
    return F(add_words)(k, s);
}

/* small words of a text's beginning, where the whole is longer than is looked at */
static void F(count_small_words)(Kernel *k, const LETTER *s, Py_ssize_t n)
{
    hashed name;
    for (Py_ssize_t i = 0; i < n;) {
        if (!HAS(s[i], INNER | WIDE)) { i++; continue; }
        i = F(word_at)(k, s, n, i, &name);
        k->word_count++;
        count_small_word(k, name.h);
    }
}
