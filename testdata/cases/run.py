#!/usr/bin/env python3
"""Runs the cases beside it: run.py BINARY [FOLDER-OF-A-CASE ...]. Exit 0 when all are right.

The files name the ports 9450 to 9459 of 127.0.0.1; each run puts free ones in their place.

A case is a folder with case.json and its input files:
 kind check-config: file, env?; expect rc?, rc_not?, says[], says_not[] (regular expressions over standard error, case ignored)
 kind serve:        file, env?, port; expect starts, says[], says_not[] (over the log), http [[METHOD, PATH, BODY-FILE|null, STATUS or list, [RE], [RE-NOT]]]
 kind canary:       config.json, request.json (executionRequest) or neither, path?; expect http?, status?, score?, classification?, metrics {name: label}, errors[], errors_not[], pair {key: value}
 kind scape:        request.json; expect as canary, plus runs [[start, end]]
 kind save:         config.json (as text); expect http, says[], says_not[]
 kind judge:        lines.jsonl; expect {id: {label, score, ratio?, reason?}}
$HERE in files and environment is the case's folder, $TMP a fresh empty folder."""
import json, os, re, shutil, socket, subprocess, sys, tempfile, time, urllib.error, urllib.request

HERE = os.path.dirname(os.path.abspath(__file__))
def free():
    with socket.socket() as s: s.bind(('127.0.0.1', 0)); return s.getsockname()[1]
# A port that is only free now may be somebody else's a moment later: who runs other things beside the cases reserves ten.
PORTS = {9450 + n: port for n, port in enumerate(map(int, os.environ.get('CASE_PORTS', '').split()))} or {9450 + n: free() for n in range(10)}
def ported(text): return re.sub(r'\b945[0-9]\b', lambda m: str(PORTS[int(m.group())]), text)
SERVICE, PROM = PORTS[9450], PORTS[9451]
BASE = '''server.port: %d
kayenta:
  standaloneCanaryAnalysis.enabled: true
  prometheus:
    enabled: true
    accounts: [{name: mine, endpoint.baseUrl: "http://127.0.0.1:%d", supportedTypes: [METRICS_STORE]}]
  memory: {enabled: true, accounts: [{name: mem, supportedTypes: [OBJECT_STORE, CONFIGURATION_STORE]}]}
''' % (SERVICE, PROM)

def req(method, url, body=None):
    data = body if isinstance(body, bytes) or body is None else json.dumps(body).encode()
    r = urllib.request.Request(url, data=data, method=method, headers={'Content-Type': 'application/json'})
    try:
        with urllib.request.urlopen(r, timeout=20) as x: return x.status, x.read().decode('utf-8', 'replace')
    except urllib.error.HTTPError as e: return e.code, e.read().decode('utf-8', 'replace')

def texts(bad, name, text, e):
    for x in e.get('says', []):
        if not re.search(x, text, re.I | re.S): bad.append('%s lacks /%s/' % (name, x))
    for x in e.get('says_not', []):
        m = re.search(x, text, re.I)
        if m: bad.append('%s has /%s/: %s' % (name, x, text[max(0, m.start() - 80):m.end() + 80].replace('\n', ' ')))

class Service:
    def __init__(self, binary, file, env=None, port=SERVICE, cwd=None):
        self.log = tempfile.NamedTemporaryFile('w+', delete=False, suffix='.log')
        e = {'PATH': os.environ['PATH'], 'HOME': cwd or tempfile.mkdtemp(), **(env or {})}
        self.p = subprocess.Popen([binary, 'serve', '--config', file], cwd=cwd or tempfile.mkdtemp(), env=e, stdout=self.log, stderr=subprocess.STDOUT)
        self.up = False
        for _ in range(300):
            if self.p.poll() is not None: break
            try: req('GET', 'http://127.0.0.1:%d/credentials' % port); self.up = True; break
            except Exception: time.sleep(.1)
    def text(self): return open(self.log.name).read()
    def stop(self):
        if self.p.poll() is None: self.p.terminate(); self.p.wait(20)

def ended(path):
    for _ in range(200):
        st, b = req('GET', 'http://127.0.0.1:%d%s' % (SERVICE, path)); r = json.loads(b)
        if r.get('complete'): return r
        time.sleep(.1)
    return r

def outcome(bad, r, result, e):
    j = (result or {}).get('judgeResult') or {}
    s = j.get('score') or {}
    for k, v in (('score', s.get('score')), ('classification', s.get('classification'))):
        if k in e and v != e[k]: bad.append('%s is %r, not %r' % (k, v, e[k]))
    got = {m['name']: m['classification'] for m in j.get('results', [])}
    for m, label in e.get('metrics', {}).items():
        if got.get(m) != label: bad.append('metric %s is %r, not %r' % (m, got.get(m), label))
    errs = json.dumps(((r.get('exception') or {}).get('details') or {}).get('errors') or [])
    texts(bad, 'errors', errs, {'says': e.get('errors', []), 'says_not': e.get('errors_not', [])})

def case(binary, d, service):
    c = json.load(open(d + '/case.json')); e = c['expect']; bad = []
    tmp = tempfile.mkdtemp()
    def env(): return {k: v.replace('$HERE', d).replace('$TMP', tmp) for k, v in c.get('env', {}).items()}
    def given(f):
        p = os.path.join(tmp, os.path.basename(f))
        t = ported(open(os.path.join(d, f)).read()).replace('$HERE', d).replace('$TMP', tmp); open(p, 'w').write(t); return p
    if c['kind'] == 'check-config':
        r = subprocess.run([binary, 'check-config', given(c['file'])], capture_output=True, text=True, cwd=tmp, env={'PATH': os.environ['PATH'], 'HOME': tmp, **env()})
        if 'rc' in e and r.returncode != e['rc']: bad.append('rc %d, not %d' % (r.returncode, e['rc']))
        if 'rc_not' in e and r.returncode == e['rc_not']: bad.append('rc %d' % r.returncode)
        texts(bad, 'stderr', r.stderr, e)
    elif c['kind'] == 'serve':
        s = Service(binary, given(c['file']), env(), PORTS[c.get('port', 9452)], tmp)
        try:
            if s.up != e['starts']: bad.append('starts: %s (exit %s)' % (s.up, s.p.poll()))
            for m, path, body, want, says, says_not in (e.get('http', []) if s.up else []):
                st, b = req(m, 'http://127.0.0.1:%d%s' % (PORTS[c.get('port', 9452)], path), open(d + '/' + body, 'rb').read() if body else None)
                if st not in (want if isinstance(want, list) else [want]): bad.append('%s %s: %d, not %s' % (m, path, st, want))
                texts(bad, path, b, {'says': says, 'says_not': says_not})
        finally: s.stop()
        texts(bad, 'log', s.text(), e)
    elif c['kind'] == 'save':
        st, b = req('POST', 'http://127.0.0.1:%d/canaryConfig' % SERVICE, open(d + '/config.json', 'rb').read())
        if st != e['http']: bad.append('http %d, not %d' % (st, e['http']))
        texts(bad, 'message', b, e)
        if st == 200: req('DELETE', 'http://127.0.0.1:%d/canaryConfig/%s' % (SERVICE, json.loads(b)['canaryConfigId']))
    elif c['kind'] in ('canary', 'scape'):
        raw = json.load(open(d + '/request.json')); 
        body = raw if 'config' in c and c['config'] is None else {'canaryConfig': json.load(open(d + '/config.json')), 'executionRequest': raw}
        what, ident = ('canary', 'canaryExecutionId') if c['kind'] == 'canary' else ('standalone_canary_analysis', 'canaryAnalysisExecutionId')
        st, b = req('POST', 'http://127.0.0.1:%d/%s?metricsAccountName=%s&storageAccountName=mem' % (SERVICE, what, c.get('account', 'mine')), body)
        if st != e.get('http', 200): bad.append('http %d, not %d: %s' % (st, e.get('http', 200), b[:200]))
        if st != 200: texts(bad, 'message', b, e)
        else:
            r = ended('/%s/%s' % (what, json.loads(b)[ident]))
            if 'status' in e and r.get('status') != e['status']: bad.append('status %s, not %s' % (r.get('status'), e['status']))
            if c['kind'] == 'canary':
                outcome(bad, r, r.get('result'), e)
                if 'pair' in e and 'metricSetPairListId' not in r: bad.append('no pairs; status %s, %s' % (r.get('status'), json.dumps(((r.get('exception') or {}).get('details') or {}).get('errors'))))
                elif 'pair' in e:
                    pair = json.loads(req('GET', 'http://127.0.0.1:%d/metricSetPairList/%s' % (SERVICE, r['metricSetPairListId']))[1])[0]
                    for k, v in e['pair'].items():
                        o = pair
                        for x in k.split('/'): o = (o or {}).get(x)
                        if o != v: bad.append('pair %s is %r, not %r' % (k, o, v))
            else:
                x = r.get('canaryAnalysisExecutionResult') or {}; runs = x.get('canaryExecutionResults') or []
                outcome(bad, r, (runs[-1] if runs else {}).get('result'), e)
                if 'runs' in e and [[y.get('judgementStartTimeIso'), y.get('judgementEndTimeIso')] for y in runs] != e['runs']: bad.append('runs %s' % [[y.get('judgementStartTimeIso'), y.get('judgementEndTimeIso')] for y in runs])
    elif c['kind'] == 'judge':
        r = subprocess.run([binary, 'judge'], input=open(d + '/lines.jsonl').read(), capture_output=True, text=True)
        for l in r.stdout.splitlines():
            x = json.loads(l); w = e.get(x['id'])
            if not w: continue
            if 'error' in w:
                if not re.search(w['error'], x.get('error', '')): bad.append('%s: %s' % (x['id'], l[:200]))
                continue
            m = x['result']['results'][0]; got = {'label': m['classification'], 'score': x['result']['score']['score'], 'ratio': (m.get('resultMetadata') or {}).get('ratio'), 'reason': m.get('classificationReason')}
            for k, v in w.items():
                same = abs(got[k] - v) < 1e-9 if isinstance(v, float) and isinstance(got[k], float) else got[k] == v
                if not same: bad.append('%s: %s is %r, not %r' % (x['id'], k, got[k], v))
    shutil.rmtree(tmp, ignore_errors=True)
    return bad

def main():
    binary = os.path.abspath(sys.argv[1])
    root = HERE
    dirs = [os.path.abspath(x) for x in sys.argv[2:]] or sorted(os.path.join(root, x) for x in os.listdir(root) if os.path.exists(os.path.join(root, x, 'case.json')))
    prom = subprocess.Popen([sys.executable, HERE + '/prom.py', str(PROM), os.path.join(tempfile.mkdtemp(), 'log')])
    f = tempfile.NamedTemporaryFile('w', suffix='.yml', delete=False); f.write(BASE); f.close(); s = None; wrong = 0
    try:
        time.sleep(.7); s = Service(binary, f.name)
        for d in dirs:
            try: bad = case(binary, d, s)
            except Exception as x: bad = ['%s: %s' % (type(x).__name__, x)]
            wrong += bool(bad)
            print('%-6s %s' % ('WRONG' if bad else 'right', os.path.basename(d)))
            for b in bad: print('         ' + b[:330])
    finally:
        if s: s.stop()
        prom.terminate(); prom.wait()
    print('%d of %d wrong' % (wrong, len(dirs))); sys.exit(1 if wrong else 0)
main()
