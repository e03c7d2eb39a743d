package deploy

import (
	"encoding/json"
	"io/fs"
	"os"
	"os/exec"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"

	"statsd-http-proxy/internal/testutil"
)

// image is the unpacked container image.
type image struct {
	root        string // directory of its files
	config      imageConfig
	healthCheck []string
	adminPort   string // instead of that of the image, which another test may use
}

type imageConfig struct {
	User         string
	ExposedPorts map[string]struct{}
	Env          []string
	Entrypoint   []string
	Cmd          []string
}

// buildImage runs make image with its own image storage, and unpacks the result.
func buildImage(t *testing.T) *image {
	t.Helper()
	testutil.NeedCommand(t, "make")
	buildah := testutil.NeedCommand(t, "buildah")
	testutil.Need(t, os.Geteuid() == 0, "only root can unpack an image and run its program")

	dir := t.TempDir()
	storage := filepath.Join(dir, "storage.conf")
	config := "[storage]\ndriver = \"vfs\"\ngraphroot = \"" + dir + "/images\"\nrunroot = \"" + dir + "/run\"\n"
	if err := os.WriteFile(storage, []byte(config), 0o644); err != nil {
		t.Fatal(err)
	}
	call := func(name string, args ...string) string {
		cmd := exec.Command(name, args...)
		cmd.Env = append(os.Environ(), "CONTAINERS_STORAGE_CONF="+storage, "BUILDER=buildah")
		return testutil.MustRun(t, cmd)
	}

	const name = "localhost/statsd-http-proxy:test"
	call("make", "-C", testutil.Root(), "image", "IMAGE="+name, "BINARY="+filepath.Join(dir, "built"))
	container := strings.TrimSpace(call(buildah, "from", "--pull-never", name))
	i := &image{root: strings.TrimSpace(call(buildah, "mount", container))}
	var inspected struct {
		OCIv1  struct{ Config imageConfig }
		Docker struct {
			Config struct {
				Healthcheck struct{ Test []string }
			}
		}
	}
	if err := json.Unmarshal([]byte(call(buildah, "inspect", "--type", "image", name)), &inspected); err != nil {
		t.Fatalf("inspect the image: %v", err)
	}
	i.config = inspected.OCIv1.Config
	i.healthCheck = inspected.Docker.Config.Healthcheck.Test
	i.adminPort = testutil.FreePort(t)
	return i
}

// run does what docker run does: it starts the image's entry point with args, as the
// image's user, with the image's files as the root directory.
func (i *image) run(t *testing.T, args ...string) *testutil.Proxy {
	t.Helper()
	return testutil.StartProxyCommand(t, i.command(args...))
}

// command returns the command that docker run with args starts.
func (i *image) command(args ...string) *exec.Cmd {
	return i.exec(append(slices.Clone(i.config.Entrypoint), args...))
}

// exec returns the command that the engine starts in a container for args.
func (i *image) exec(args []string) *exec.Cmd {
	return &exec.Cmd{
		Path: args[0],
		Args: args,
		Dir:  "/",
		Env:  append(slices.Clone(i.config.Env), "STATSD_HTTP_PROXY_ADMIN_LISTEN=127.0.0.1:"+i.adminPort),
		SysProcAttr: &syscall.SysProcAttr{
			Chroot:     i.root,
			Credential: &syscall.Credential{Uid: 65532, Gid: 65532},
		},
	}
}

func TestImageContainsAndRunsTheProgram(t *testing.T) {
	image := buildImage(t)

	want := imageConfig{
		User:         "65532:65532",
		ExposedPorts: map[string]struct{}{"80/tcp": {}},
		Env:          []string{"STATSD_HTTP_PROXY_HTTP_HOST=0.0.0.0", "STATSD_HTTP_PROXY_ADMIN_LISTEN=127.0.0.1:8826"},
		Entrypoint:   []string{"/statsd-http-proxy"},
	}
	image.config.Env = slices.DeleteFunc(image.config.Env, func(variable string) bool {
		return strings.HasPrefix(variable, "PATH=") // some engines add it
	})
	if !reflect.DeepEqual(image.config, want) {
		t.Fatalf("the image's configuration\ngot  %+v\nwant %+v", image.config, want)
	}
	if want := []string{"CMD", "/statsd-http-proxy", "health"}; !slices.Equal(image.healthCheck, want) {
		t.Errorf("the health check: got %q, want %q", image.healthCheck, want)
	}
	var files []string
	err := filepath.WalkDir(image.root, func(path string, entry fs.DirEntry, err error) error {
		if !entry.IsDir() {
			files = append(files, strings.TrimPrefix(path, image.root))
		}
		return err
	})
	if wantFiles := []string{"/statsd-http-proxy"}; err != nil || !reflect.DeepEqual(files, wantFiles) {
		t.Errorf("files in the image: got %v %v, want %v", files, err, wantFiles)
	}

	// The documented docker run commands, on free ports.
	statsd := testutil.StartFakeStatsD(t)
	t.Run("plain", func(t *testing.T) {
		proxy := image.run(t, "--verbose", "--http-port=0", "--statsd-port="+statsd.Port)
		proxy.MustSend(t, "/count/image.plain", `{"value": 1}`)
		statsd.WaitFor(t, "image.plain:1|c")
		if log := proxy.Stderr.String(); !strings.Contains(log, "address=[::]:") {
			t.Errorf("the address in the log: got %s, want any interface", log)
		}
		if code, _, stderr := testutil.RunToEnd(t, image.exec(image.healthCheck[1:])); code != 0 {
			t.Errorf("the health check: got exit code %d, %s", code, stderr)
		}
		proxy.Stop(t)
		if code, _, _ := testutil.RunToEnd(t, image.exec(image.healthCheck[1:])); code != 1 {
			t.Errorf("the health check of a stopped proxy: got exit code %d, want 1", code)
		}
	})
	t.Run("command", func(t *testing.T) {
		code, stdout, stderr := testutil.RunToEnd(t, image.command("token", "--jwt-secret="+testutil.LongSecret))
		if code != 0 || strings.Count(stdout, ".") != 2 || stderr != "" {
			t.Errorf("docker run IMAGE token: got exit code %d, %q, %q, want a token", code, stdout, stderr)
		}
	})
	t.Run("TLS", func(t *testing.T) {
		certs := filepath.Join(image.root, "certs") // docker run -v mounts them here
		if err := os.Mkdir(certs, 0o755); err != nil {
			t.Fatal(err)
		}
		testutil.SharedCertificate(t).Write(t, certs, "cert.pem", "key.pem")
		proxy := image.run(t, "--verbose", "--http-port=0", "--tls-cert=/certs/cert.pem", "--tls-key=/certs/key.pem",
			"--statsd-port="+statsd.Port)
		if !strings.HasPrefix(proxy.URL, "https://") {
			t.Errorf("the URL: got %s, want https", proxy.URL)
		}
		proxy.MustSend(t, "/count/image.tls", `{"value": 1}`)
		statsd.WaitFor(t, "image.tls:1|c")
		proxy.Stop(t)
	})
}
