/* Of one word, token or name. */

static hashed blank, word_and, word_or; /* " ", "and", "or", made when the module starts */

/* names of several words are looked for where their first run of word letters is found, by its hash */
static int may_start(const Kernel *k, uint64_t run) { return map_has(k->starts, spread(run)); }

/* a token of this name: a party, a word of attitude, or neither */
static token token_of(const Kernel *k, hashed name)
{
    token t = {name, 0, -1};
    const entry *e = table_get(&k->lexicon, name.h);
    if (e && e->first >= 0) t.party = (int32_t)e->first;
    else {
        if (e) t.classes = (uint32_t)e->second;
        if (name.h == word_and.h || name.h == word_or.h) t.party = AND_OR;
    }
    return t;
}

/* Keep a word whose runs of letters lie in `word_runs`. */
static kept_word *keep_word(Kernel *k, hashed name, key known_by)
{
    const index_ *x = &k->index;
    kept_word *to = kept_new(&k->kept, known_by);
    uint64_t known_as = mix(name.h ^ SEEDS[WORDS]);
    const entry *small = table_get(&k->small_words, name.h);
    to->key = known_by;
    to->as = token_of(k, name);
    to->term = perhaps(x, known_as) ? find(x, known_as) : -1;
    to->length = 0;
    to->small = small ? (uint32_t)small->first : 0;
    to->flags = (may_start(k, name.h) ? STARTS : 0) | (map_has(k->seconds, spread(name.h)) ? GOES_ON : 0)
        | (to->term >= 0 && (double)record_at(x, (uint64_t)to->term)->length <= k->rarest ? COMMON : 0);
    memset(to->row, 0, (size_t)x->values * sizeof(float));
    look_up(x, &k->word_runs, RUNS);
    fetch_records(x, &k->word_runs);
    settle(x, &k->word_runs);
    for (Py_ssize_t i = 0; i < k->word_runs.n; i++) {
        const record *r = record_at(x, k->word_runs.at[i]);
        to->length += r->length * r->length;
        for (Py_ssize_t v = 0; v < x->values; v++) to->row[v] += r->length * r->row[v];
    }
    return to;
}

/* what a word adds to a passage: its term, its pair with the word before it in the sentence, its runs */
static int take_word(Kernel *k, const kept_word *w, hashed *before)
{
    k->word_count++;
    k->in_sets[w->small]++;
    k->runs_length += (double)w->length;
    heap_row(&k->run_rows, w->row, 1, k->runs, k->index.values);
    k->known += (w->flags & COMMON) != 0;
    if (w->term >= 0) {
        __builtin_prefetch(record_at(&k->index, (uint64_t)w->term));
        if (put(&k->singles, (uint64_t)w->term)) return -1;
    }
    if (before->power && put(&k->pairs, before->h + before->power * (blank.h + BASE * w->as.name.h))) return -1;
    *before = w->as.name;
    return 0;
}

/* the terms of a sentence, looked for */
static void fetch_terms(Kernel *k)
{
    look_up(&k->index, &k->pairs, WORDS);
    look_up(&k->index, &k->around, PARTIES);
    look_up(&k->index, &k->sides, SIDES);
}
