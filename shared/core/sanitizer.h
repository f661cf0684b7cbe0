/* What checks this build: code that plays tricks with memory or signals leaves them to it. */
#ifndef GH_SHARED_CORE_SANITIZER_H
#define GH_SHARED_CORE_SANITIZER_H

#if defined(__SANITIZE_ADDRESS__)
#define GH_CHECKS_MEMORY 1
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(memory_sanitizer)
#define GH_CHECKS_MEMORY 1
#endif
#endif

#if defined(__SANITIZE_THREAD__)
#define GH_CHECKS_THREADS 1
#elif defined(__has_feature)
#if __has_feature(thread_sanitizer)
#define GH_CHECKS_THREADS 1
#endif
#endif

#endif
