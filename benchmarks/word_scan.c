/* The floor of any word model: word boundaries, and the hash of every word and of every pair of words; no table. */
#include <stddef.h>
#include <stdint.h>

uint64_t scan(const unsigned char *s, size_t n)
{
    static unsigned char word[256];
    uint64_t h = 0, before = 0, all = 0;
    if (!word['a'])
        for (int c = 0; c < 256; c++) word[c] = (unsigned char)((c | 32) >= 'a' && (c | 32) <= 'z' ? c | 32 : (c >= '0' && c <= '9') || c >= 128 ? c : 0);
    for (size_t i = 0; i <= n; i++) {
        unsigned char c = i < n ? word[s[i]] : 0;
        if (c) h = (h ^ c) * 0x9E3779B97F4A7C15ULL;
        else if (h) {
            all ^= h;
            all += (before ^ h) * 0xBF58476D1CE4E5B9ULL;
            before = h;
            h = 0;
        }
    }
    return all;
}
