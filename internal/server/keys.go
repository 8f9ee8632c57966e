package server

import (
	"crypto/sha256"
	"crypto/subtle"
	"net/http"
	"strings"
)

// keys are the hashes of those that let requests in: hashes have one length, so that
// comparing takes one time.
type keys [][sha256.Size]byte

func newKeys(texts []string) (all keys) {
	for _, k := range texts {
		all = append(all, sha256.Sum256([]byte(k)))
	}
	return all
}

// open says whether a key is one of them.
func (k keys) open(text string) bool {
	given, found := sha256.Sum256([]byte(text)), 0
	for _, key := range k {
		found |= subtle.ConstantTimeCompare(key[:], given[:])
	}
	return found == 1
}

// guarded says whether a path needs a key if there are any: all that reaches a model.
// The page's own files do not, since it could not ask for a key otherwise.
func guarded(path string) bool {
	return strings.HasPrefix(path, "/v1/") || strings.HasPrefix(path, "/api/")
}

// locked asks for a key.
func (s *Server) locked(next http.Handler) http.Handler {
	if len(s.keys) == 0 {
		return next
	}
	return http.HandlerFunc(func(w http.ResponseWriter, r *http.Request) {
		if guarded(r.URL.Path) {
			scheme, key, _ := strings.Cut(r.Header.Get("Authorization"), " ")
			if !strings.EqualFold(scheme, "Bearer") || !s.keys.open(strings.TrimSpace(key)) {
				w.Header().Set("WWW-Authenticate", "Bearer")
				fail(w, unauthorized())
				return
			}
		}
		next.ServeHTTP(w, r)
	})
}
