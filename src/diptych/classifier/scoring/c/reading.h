/* A text → sentences → words and tokens: sentences.py, analyser.py, parties.py. Read twice by the compiler: for codes
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

/* tokens */

static int F(boundary)(const Kernel *k, const LETTER *s, Py_ssize_t n, Py_ssize_t i)
{
    int left = i > 0 && HAS(s[i - 1], WORD), right = i < n && HAS(s[i], WORD);
    (void)k;
    return left != right;
}

/* n't → not, as a word of its own */
static Py_ssize_t F(split_not)(const Kernel *k, const LETTER *s, Py_ssize_t n, LETTER *to)
{
    Py_ssize_t m = 0;
    for (Py_ssize_t i = 0; i < n;) {
        if (!HAS(s[i], WORD)) { to[m++] = s[i++]; continue; }
        Py_ssize_t end = i;
        while (end < n && HAS(s[end], WORD)) end++;
        int hit = end - i >= 2 && s[end - 1] == 'n' && end + 1 < n && s[end] == '\'' && s[end + 1] == 't' && F(boundary)(k, s, n, end + 2);
        for (; i < end - hit; i++) to[m++] = s[i];
        if (!hit) continue;
        for (const char *said = " not"; *said; said++) to[m++] = (LETTER)*said;
        i = end + 2;
    }
    return m;
}

static Py_ssize_t F(drop_possessive)(const Kernel *k, const LETTER *s, Py_ssize_t n, LETTER *to)
{
    Py_ssize_t m = 0;
    for (Py_ssize_t i = 0; i < n;) {
        if (s[i] == '\'' && i + 1 < n && s[i + 1] == 's' && F(boundary)(k, s, n, i + 2)) i += 2;
        else to[m++] = s[i++];
    }
    return m;
}

/* where the letters of a name of several words that begins at i end, or -1; what follows is not looked at */
static Py_ssize_t F(phrase_end)(const Kernel *k, const phrase *p, const LETTER *s, Py_ssize_t n, Py_ssize_t i)
{
    const LETTER *wanted = PHRASE(p);
    Py_ssize_t at = 0;
    (void)k;
    for (Py_ssize_t w = 0; w < p->n; w++) {
        if (w) {
            Py_ssize_t blanks = i;
            while (i < n && HAS(s[i], SPACE)) i++;
            if (i == blanks) return -1;
        }
        for (; at < p->ends[w]; at++, i++)
            if (i >= n || s[i] != wanted[at]) return -1;
    }
    return i;
}

/* Note which names of several words have their letters at i, where a run of word letters with this hash begins. */
static int F(note_phrases)(Kernel *k, const LETTER *s, Py_ssize_t n, Py_ssize_t i, uint64_t run)
{
    int any = 0;
    if (!may_start(k, run)) return 0;
    for (Py_ssize_t j = 0; j < k->phrase_count; j++) {
        if (!PHRASE(&k->phrases[j]) || s[i] != PHRASE(&k->phrases[j])[0] || F(phrase_end)(k, &k->phrases[j], s, n, i) < 0) continue;
        k->wanted[j >> 6] |= 1ULL << (j & 63);
        any = 1;
    }
    return any;
}

/* which of the names of several words may stand in a sentence: those whose letters do before any is put in place */
static int F(possible_phrases)(Kernel *k, const LETTER *s, Py_ssize_t n)
{
    int any = 0;
    memset(k->wanted, 0, (size_t)(k->phrase_count / 64 + 1) * sizeof(uint64_t));
    for (Py_ssize_t i = 0; i < n;) {
        if (!HAS(s[i], WORD)) {
            if (k->odd_phrases && i > 0 && HAS(s[i - 1], WORD)) any |= F(note_phrases)(k, s, n, i, ODD_START);
            i++;
            continue;
        }
        Py_ssize_t start = i;
        while (i < n && HAS(s[i], WORD)) i++;
        any |= F(note_phrases)(k, s, n, start, F(hash)(k, s + start, i - start).h);
    }
    return any;
}

static Py_ssize_t F(mark_phrase)(const Kernel *k, const phrase *p, const LETTER *s, Py_ssize_t n, LETTER *to)
{
    Py_ssize_t m = 0;
    for (Py_ssize_t i = 0; i < n;) {
        Py_ssize_t end = s[i] == PHRASE(p)[0] && F(boundary)(k, s, n, i) ? F(phrase_end)(k, p, s, n, i) : -1;
        if (end < 0 || (end < n && HAS(s[end], WORD))) { to[m++] = s[i++]; continue; }
        to[m++] = ' ';
        to[m++] = (LETTER)MARK_OF(p->party);
        to[m++] = ' ';
        i = end;
    }
    return m;
}

static int32_t F(party_of)(const Kernel *k, const LETTER *s, Py_ssize_t n)
{
    int32_t held = -1;
    for (Py_ssize_t start = 0, i = 0; i <= n; i++) {
        if (i < n && s[i] != '-') continue;
        const entry *part = table_get(&k->lexicon, F(hash)(k, s + start, i - start).h);
        start = i + 1;
        if (!part || part->first < 0) continue;
        if (held >= 0 && held != part->first) return k->joint;
        held = (int32_t)part->first;
    }
    return held;
}

/* the token that begins at i, a word or a mark, and where it ends; -1 if a name of several words may begin in it */
static Py_ssize_t F(token_at)(Kernel *k, const LETTER *s, Py_ssize_t n, Py_ssize_t i, int marked, token *t)
{
    Py_ssize_t start = i;
    int hyphen = 0, word = HAS(s[i], WORD) != 0;
    uint64_t h = VALUE(s[i]);
    Py_ssize_t run = i++; /* where the last run of word letters in the token begins */
    while (word && i < n) {
        if (!HAS(s[i], WORD)) {
            if ((s[i] != '-' && s[i] != '.') || i + 1 >= n || !HAS(s[i + 1], WORD)) break;
            if (!marked && F(note_phrases)(k, s, n, run, run == start ? h : F(hash)(k, s + run, i - run).h)) return -1;
            run = i + 1;
            hyphen |= s[i] == '-';
        }
        h += VALUE(s[i]) * POWER[(i - start) & (POWERS - 1)];
        i++;
    }
    if (i - start < POWERS) t->name = (hashed){h, POWER[i - start]};
    else t->name = F(hash)(k, s + start, i - start);
    if (word && !marked && F(note_phrases)(k, s, n, run, run == start ? t->name.h : F(hash)(k, s + run, i - run).h)) return -1;
    const entry *e = table_get(&k->lexicon, t->name.h);
    if (e && e->first >= 0) t->party = (int32_t)e->first;
    else if (hyphen) t->party = F(party_of)(k, s + start, i - start);
    if (t->party < 0) {
        t->classes = e ? (uint32_t)e->second : 0;
        if (t->name.h == word_and.h || t->name.h == word_or.h) t->party = -2;
    }
    return i;
}

/* 1 if a name of several words may stand in the sentence */
static int F(take_tokens)(Kernel *k, const LETTER *s, Py_ssize_t n, int marked)
{
    k->tokens.n = 0;
    for (Py_ssize_t i = 0; i < n;) {
        token t = {{0, 1}, 0, -1};
        if (HAS(s[i], WORD | MARKS)) {
            i = F(token_at)(k, s, n, i, marked, &t);
            if (i < 0) return 1;
        } else if (IS_MARK(s[i])) t.party = (int32_t)(s[i++] - MARK_OF(0));
        else { i++; continue; }
        if (t.party >= 0) t.name = k->party_names[t.party];
        if (take_token(k, t)) return -1;
    }
    return 0;
}

/* the tokens of a sentence that is plain, in `a`; `b` is room for the same */
static int F(read_tokens)(Kernel *k, LETTERS *a, LETTERS *b, int apostrophe)
{
    LETTERS *swap;
    if (!apostrophe && !k->odd_phrases) {
        int found = F(take_tokens)(k, a->at, a->n, 0);
        if (found <= 0) return found;
    }
    if (apostrophe) {
        if (make_room(&b->at, &b->room, 2 * a->n + 1, sizeof(LETTER))) return -1;
        b->n = F(split_not)(k, a->at, a->n, b->at);
        swap = a; a = b; b = swap;
    }
    if (F(possible_phrases)(k, a->at, a->n)) {
        for (Py_ssize_t j = 0; j < k->phrase_count; j++) {
            if (!(k->wanted[j >> 6] >> (j & 63) & 1)) continue;
            if (make_room(&b->at, &b->room, a->n + 3, sizeof(LETTER))) return -1;
            b->n = F(mark_phrase)(k, &k->phrases[j], a->at, a->n, b->at);
            swap = a; a = b; b = swap;
        }
    }
    if (apostrophe) {
        if (make_room(&b->at, &b->room, a->n + 1, sizeof(LETTER))) return -1;
        b->n = F(drop_possessive)(k, a->at, a->n, b->at);
        swap = a; a = b; b = swap;
    }
    return F(take_tokens)(k, a->at, a->n, 1);
}
#undef LETTER
#undef LETTERS
#undef F
#undef HAS
#undef VALUE
#undef LETTER_OF
#undef PHRASE
#undef IS_MARK
#undef MARK_OF
