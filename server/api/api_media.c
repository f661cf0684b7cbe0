/* Media types: which text is which, and whether bytes are what their sender calls them. */
#include <string.h>
#include <strings.h>

#include "server/api/api_private.h"

#define MARK_MAX 12

/* Bytes that a file of that kind begins with; '?' in `mark` stands for any byte. */
typedef struct kind {
    gh_api_form form;
    const char *type;
    const char *aliases[3];
    size_t len;
    char mark[MARK_MAX];
} kind;

static const kind KNOWN[] = {
    {GH_API_IMAGE, "image/png", {NULL}, 8, "\x89PNG\r\n\x1a\n"},
    {GH_API_IMAGE, "image/jpeg", {"image/jpg", "image/pjpeg"}, 3, "\xff\xd8\xff"},
    {GH_API_IMAGE, "image/gif", {NULL}, 6, "GIF87a"},
    {GH_API_IMAGE, "image/gif", {NULL}, 6, "GIF89a"},
    {GH_API_IMAGE, "image/webp", {NULL}, 12, "RIFF????WEBP"},
    {GH_API_IMAGE, "image/bmp", {"image/x-ms-bmp"}, 2, "BM"},
    {GH_API_IMAGE, "image/tiff", {NULL}, 4, "II*\0"},
    {GH_API_IMAGE, "image/tiff", {NULL}, 4, "MM\0*"},
    {GH_API_IMAGE, "image/avif", {NULL}, 12, "????ftypavif"},
    {GH_API_IMAGE, "image/heic", {"image/heif"}, 8, "????ftyp"},
    {GH_API_IMAGE, "image/x-icon", {"image/vnd.microsoft.icon"}, 4, "\0\0\1\0"},
    {GH_API_AUDIO, "audio/mpeg", {"audio/mp3", "audio/x-mp3"}, 3, "ID3"},
    {GH_API_AUDIO, "audio/mpeg", {"audio/mp3", "audio/x-mp3"}, 2, "\xff\xfb"},
    {GH_API_AUDIO, "audio/mpeg", {"audio/mp3", "audio/x-mp3"}, 2, "\xff\xfa"},
    {GH_API_AUDIO, "audio/mpeg", {"audio/mp3", "audio/x-mp3"}, 2, "\xff\xf3"},
    {GH_API_AUDIO, "audio/mpeg", {"audio/mp3", "audio/x-mp3"}, 2, "\xff\xf2"},
    {GH_API_AUDIO, "audio/wav", {"audio/x-wav", "audio/wave", "audio/vnd.wave"}, 12, "RIFF????WAVE"},
    {GH_API_AUDIO, "audio/ogg", {"audio/opus", "audio/vorbis", "audio/x-ogg"}, 4, "OggS"},
    {GH_API_AUDIO, "audio/flac", {"audio/x-flac"}, 4, "fLaC"},
    {GH_API_AUDIO, "audio/mp4", {"audio/m4a", "audio/x-m4a"}, 8, "????ftyp"},
    {GH_API_AUDIO, "audio/aac", {"audio/aacp", "audio/x-aac"}, 2, "\xff\xf1"},
    {GH_API_AUDIO, "audio/aac", {"audio/aacp", "audio/x-aac"}, 2, "\xff\xf9"},
    {GH_API_AUDIO, "audio/webm", {NULL}, 4, "\x1a\x45\xdf\xa3"},
    {GH_API_AUDIO, "audio/midi", {"audio/x-midi"}, 4, "MThd"},
};

static bool is_called(const kind *one, const char *type)
{
    bool same = strcmp(one->type, type) == 0;
    for (size_t i = 0; i < sizeof one->aliases / sizeof *one->aliases && !same; i++) {
        same = one->aliases[i] != NULL && strcmp(one->aliases[i], type) == 0;
    }
    return same;
}

static bool begins_with(gh_view bytes, const kind *one)
{
    bool same = bytes.len >= one->len;
    for (size_t i = 0; i < one->len && same; i++) {
        same = one->mark[i] == '?' || one->mark[i] == bytes.ptr[i];
    }
    return same;
}

const char *gh_api_media_check(gh_api_form form, const char *media, gh_view bytes)
{
    for (size_t i = 0; media != NULL && i < sizeof KNOWN / sizeof *KNOWN; i++) {
        if (KNOWN[i].form == form && is_called(&KNOWN[i], media) && begins_with(bytes, &KNOWN[i])) {
            return KNOWN[i].type;
        }
    }
    return NULL;
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text);
    size_t end_len = strlen(end);
    return len >= end_len && strcasecmp(text + len - end_len, end) == 0;
}

bool gh_api_media_is_json(const char *media)
{
    return media != NULL && (strcmp(media, "application/json") == 0 || strcmp(media, "text/json") == 0 ||
                             ends_with(media, "+json"));
}

bool gh_api_media_is_text(const char *media)
{
    static const char *const TEXTS[] = {
        "application/xml",        "application/yaml",       "application/x-yaml",
        "application/javascript", "application/ecmascript", "application/x-www-form-urlencoded",
        "application/toml",       "application/sql",        "application/graphql",
        "application/x-ndjson",   "application/jsonl",      "application/rtf"};
    if (media == NULL) {
        return false;
    }
    bool is = strncmp(media, "text/", 5) == 0 || ends_with(media, "+xml") || ends_with(media, "+yaml") ||
              gh_api_media_is_json(media);
    for (size_t i = 0; i < sizeof TEXTS / sizeof *TEXTS && !is; i++) {
        is = strcmp(TEXTS[i], media) == 0;
    }
    return is;
}

const char *gh_api_media_of_name(const char *name)
{
    static const char *const ENDINGS[][2] = {
        {".md", "text/markdown"},      {".markdown", "text/markdown"}, {".txt", "text/plain"},
        {".html", "text/html"},        {".htm", "text/html"},          {".css", "text/css"},
        {".csv", "text/csv"},          {".json", "application/json"},  {".xml", "application/xml"},
        {".yaml", "application/yaml"}, {".yml", "application/yaml"},   {".js", "text/javascript"},
        {".svg", "image/svg+xml"},     {".png", "image/png"},          {".jpg", "image/jpeg"},
        {".jpeg", "image/jpeg"},       {".gif", "image/gif"},          {".webp", "image/webp"},
        {".mp3", "audio/mpeg"},        {".wav", "audio/wav"},          {".ogg", "audio/ogg"},
        {".pdf", "application/pdf"},   {".zip", "application/zip"},
    };
    for (size_t i = 0; i < sizeof ENDINGS / sizeof *ENDINGS; i++) {
        if (ends_with(name, ENDINGS[i][0])) {
            return ENDINGS[i][1];
        }
    }
    return NULL;
}
