package provider_test

import (
	"os"
	"path/filepath"
	"testing"

	"github.com/leat-project/leat/worker/provider"
)

func TestResolve(t *testing.T) {
	dir := t.TempDir()
	file := filepath.Join(dir, "secrets.properties")
	if err := os.WriteFile(file, []byte("password=s3cret\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(filepath.Join(dir, "token"), []byte("abc\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	t.Setenv("LEAT_PROVIDER_TEST", "from-env")
	r, err := provider.New(map[string]string{
		"config.providers":                             "file, dir,env,inside",
		"config.providers.file.class":                  provider.FileClass,
		"config.providers.dir.class":                   provider.DirectoryClass,
		"config.providers.env.class":                   provider.EnvClass,
		"config.providers.env.param.allowlist.pattern": "LEAT_.*",
		"config.providers.inside.class":                provider.FileClass,
		"config.providers.inside.param.allowed.paths":  "/nowhere",
	})
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct{ name, in, want string }{
		{"plain", "x", "x"},
		{"file", "${file:" + file + ":password}", "s3cret"},
		{"twice, text kept", "a${env:LEAT_PROVIDER_TEST}b${file:" + file + ":password}c", "afrom-envbs3cretc"},
		{"directory, not trimmed", "${dir:" + dir + ":token}", "abc\n"},
		{"missing key stays", "${file:" + file + ":nope}", "${file:" + file + ":nope}"},
		{"unknown provider stays", "${vault:a:b}", "${vault:a:b}"},
		{"path not allowed stays", "${inside:" + file + ":password}", "${inside:" + file + ":password}"},
		{"variable not allowed stays", "${env:PATH}", "${env:PATH}"},
	} {
		t.Run(c.name, func(t *testing.T) {
			got, err := r.Resolve(map[string]string{"k": c.in})
			if err != nil {
				t.Fatal(err)
			}
			if got["k"] != c.want {
				t.Fatalf("resolved = %q, want %q", got["k"], c.want)
			}
		})
	}
}

func TestRestore(t *testing.T) {
	raw := map[string]string{"password": "${env:P}", "url": "x"}
	got := provider.Restore(map[string]string{"password": "v", "url": "x", "task": "1"}, raw, map[string]string{"password": "v", "url": "x"})
	if got["password"] != "${env:P}" || got["url"] != "x" || got["task"] != "1" {
		t.Fatalf("restored = %v", got)
	}
}

func TestUnknownClass(t *testing.T) {
	_, err := provider.New(map[string]string{"config.providers": "v", "config.providers.v.class": "com.acme.Vault"})
	if err == nil {
		t.Fatal("an unknown provider class was accepted")
	}
}
