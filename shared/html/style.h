/* Private to frame.c: the style sheet and the mark. Their bytes are what the policy's hash is taken of. */
#ifndef GH_SHARED_HTML_STYLE_H
#define GH_SHARED_HTML_STYLE_H

#define GH_HTML_STYLE                                                                                        \
    ":root{color-scheme:light dark;--bg:#f3efe7;--card:#fffdf9;--ink:#24211c;--soft:#5d564b;"                \
    "--line:#dcd4c5;--field:#8d8474;--accent:#1d5c48;--accent-hover:#174a3a;--on-accent:#fff;"               \
    "--note:#fbf2d9;--note-line:#dcbf6a;--bad:#a1241b;--bad-bg:#fbe9e6;--code:#f1ece1;--input:#fff}"         \
    "@media(prefers-color-scheme:dark){:root{--bg:#15171a;--card:#1e2125;--ink:#ece8e1;--soft:#b0a99d;"      \
    "--line:#363a40;--field:#7d838c;--accent:#7fd1b2;--accent-hover:#a0dfc7;--on-accent:#0d2019;"            \
    "--note:#2d2817;--note-line:#7c6a2f;--bad:#ff9d90;--bad-bg:#38201d;--code:#272b30;--input:#15171a}}"     \
    "*{box-sizing:border-box}"                                                                               \
    "html{-webkit-text-size-adjust:100%}"                                                                    \
    "body{margin:0;min-height:100vh;background:var(--bg);color:var(--ink);"                                  \
    "font:1rem/1.55 system-ui,-apple-system,'Segoe UI',Roboto,'Noto Sans','DejaVu Sans',sans-serif;"         \
    "display:flex;flex-direction:column;align-items:center;padding:clamp(1rem,6vh,4rem) 1rem 2rem}"          \
    ".brand{display:flex;align-items:center;gap:.6rem;width:100%;max-width:34rem;"                           \
    "padding:0 .25rem .9rem;color:var(--soft);font-weight:600;letter-spacing:.01em}"                         \
    ".brand svg{width:1.9rem;height:1.9rem;color:var(--accent)}"                                             \
    "main{width:100%;max-width:34rem;background:var(--card);border:1px solid var(--line);"                   \
    "border-radius:14px;padding:clamp(1.25rem,5vw,2.25rem);box-shadow:0 1px 2px #0000000d,"                  \
    "0 12px 32px -16px #00000033}"                                                                           \
    "h1{margin:0 0 .75rem;font:600 clamp(1.55rem,6vw,1.9rem)/1.2 Charter,'Bitstream Charter',"               \
    "'Sitka Text',Cambria,'Noto Serif','DejaVu Serif',serif;letter-spacing:-.01em}"                          \
    "h2{margin:1.75rem 0 .5rem;font-size:1.05rem;line-height:1.3}"                                           \
    "p{margin:0 0 1rem}main>:last-child{margin-bottom:0}"                                                    \
    "a{color:var(--accent);text-underline-offset:.15em}"                                                     \
    "strong,dd,code,.place{overflow-wrap:anywhere}"                                                          \
    "code,pre{font:.88em/1.5 ui-monospace,SFMono-Regular,Menlo,Consolas,'DejaVu Sans Mono',monospace;"       \
    "background:var(--code);border-radius:6px}"                                                              \
    "code{padding:.12em .35em}"                                                                              \
    "pre{margin:0 0 1rem;padding:.8rem .9rem;white-space:pre-wrap;border:1px solid var(--line)}"             \
    "pre code{padding:0;background:none;font-size:1em}"                                                      \
    "ul,ol{margin:0 0 1rem;padding-left:1.3rem}li{margin:.2rem 0}"                                           \
    "label{display:block;margin:1rem 0 .3rem;font-weight:600}"                                               \
    "input{display:block;width:100%;padding:.65rem .8rem;font:inherit;color:inherit;"                        \
    "background:var(--input);border:1px solid var(--field);border-radius:9px}"                               \
    "form+p{margin-top:1.1rem}input[aria-invalid]{border-color:var(--bad)}"                                  \
    ".problem{margin:.35rem 0 0;color:var(--bad);font-size:.94rem}"                                          \
    ".note,.alert{margin:0 0 1rem;padding:.75rem .95rem;border-radius:10px;font-size:.95rem;"                \
    "line-height:1.5;background:var(--note);border:1px solid var(--note-line)}"                              \
    ".alert{background:var(--bad-bg);border-color:var(--bad)}"                                               \
    ".soft{color:var(--soft);font-size:.94rem}"                                                              \
    "dl{margin:1.25rem 0;border-top:1px solid var(--line)}"                                                  \
    "dl>div{padding:.8rem 0;border-bottom:1px solid var(--line)}"                                            \
    "dt{color:var(--soft);font-size:.88rem;margin-bottom:.1rem}dd{margin:0}"                                 \
    "dd ul{margin:.1rem 0 0}.place{font-weight:600;font-size:1.06rem}"                                       \
    "dd .soft{display:block}"                                                                                \
    ".row{display:flex;gap:.75rem;flex-wrap:wrap;margin-top:1.5rem}"                                         \
    "button{flex:1 1 9rem;padding:.75rem 1.1rem;font:inherit;font-weight:600;border-radius:9px;"             \
    "border:1px solid var(--accent);background:var(--accent);color:var(--on-accent);cursor:pointer}"         \
    "button:hover{background:var(--accent-hover);border-color:var(--accent-hover)}"                          \
    "button.quiet{background:transparent;color:var(--ink);border-color:var(--field)}"                        \
    "button.quiet:hover{background:var(--code)}"                                                             \
    ":focus-visible{outline:3px solid var(--accent);outline-offset:2px}"

/* A gate between two towers, its portcullis half raised. */
#define GH_HTML_MARK                                                                                         \
    "<svg viewBox=\"0 0 32 32\" aria-hidden=\"true\" focusable=\"false\" fill=\"currentColor\">"             \
    "<path d=\"M3 29V6h3v3h3V6h3v5h2V9h4v2h2V6h3v3h3V6h3v23h-6V20a7 7 0 0 0-14 0v9z\"/>"                     \
    "<path d=\"M12 17.5v6.5M16 15v9M20 17.5v6.5M11 20.5h10\" fill=\"none\" stroke=\"currentColor\""          \
    " stroke-width=\"1.4\"/></svg>"

#define GH_HTML_ICON                                                                                         \
    "data:image/svg+xml,%3Csvg xmlns='http://www.w3.org/2000/svg' viewBox='0 0 32 32' fill='%232f8f70'%3E"   \
    "%3Cpath d='M3 29V6h3v3h3V6h3v5h2V9h4v2h2V6h3v3h3V6h3v23h-6V20a7 7 0 0 0-14 0v9z'/%3E%3C/svg%3E"

#endif
