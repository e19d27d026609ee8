# Lets the real seam read packages, for tests/test_wine.py; each call of msi.dll goes by wire to Wine's (tests/wine/calls.c).
# Packages are lines on stdin, as Wine sees them; a line of JSON for each: tables, what Assert-Package warned of, its error.
param([string] $Module)
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
Add-Type -TypeDefinition @'
namespace MimSync {
    public static class Package {
        static System.IO.StreamReader reader;
        static System.IO.StreamWriter writer;
        public static int Open;
        public static void Start() {
            var listener = new System.Net.Sockets.TcpListener(System.Net.IPAddress.Loopback, 0);
            listener.Start();
            var start = new System.Diagnostics.ProcessStartInfo("/bin/sh");
            start.ArgumentList.Add("-c");
            start.ArgumentList.Add("exec wine 'C:\\calls.exe' " + ((System.Net.IPEndPoint)listener.LocalEndpoint).Port + " </dev/null >/dev/null 2>&1");
            System.Diagnostics.Process.Start(start);
            var stream = listener.AcceptTcpClient().GetStream();
            reader = new System.IO.StreamReader(stream);
            writer = new System.IO.StreamWriter(stream) { AutoFlush = true, NewLine = "\n" };
        }
        static string[] Ask(char call, uint a, uint b, uint c, string text) {
            writer.WriteLine(call + " " + a + " " + b + " " + c + " " + text);
            return reader.ReadLine().Split(' ');
        }
        static uint Handle(string[] answer, out uint handle) {
            handle = uint.Parse(answer[1]);
            if (handle != 0) Open++;
            return uint.Parse(answer[0]);
        }
        public static uint MsiOpenDatabaseW(string path, System.IntPtr mode, out uint database) { return Handle(Ask('O', (uint)mode, 0, 0, path), out database); }
        public static uint MsiDatabaseOpenViewW(uint database, string query, out uint view) { return Handle(Ask('V', database, 0, 0, query), out view); }
        public static uint MsiViewExecute(uint view, uint record) { return uint.Parse(Ask('X', view, record, 0, "")[0]); }
        public static uint MsiViewGetColumnInfo(uint view, int kind, out uint record) { return Handle(Ask('C', view, (uint)kind, 0, ""), out record); }
        public static uint MsiViewFetch(uint view, out uint record) { return Handle(Ask('F', view, 0, 0, ""), out record); }
        public static uint MsiRecordGetFieldCount(uint record) { return uint.Parse(Ask('N', record, 0, 0, "")[0]); }
        public static uint MsiRecordGetStringW(uint record, uint field, System.Text.StringBuilder text, ref uint length) {
            var answer = Ask('S', record, field, length, "");
            length = uint.Parse(answer[1]);
            text.Length = 0;
            for (int i = 0; i < answer[2].Length; i += 4) text.Append((char)System.Convert.ToUInt16(answer[2].Substring(i, 4), 16));
            return uint.Parse(answer[0]);
        }
        public static uint MsiCloseHandle(uint handle) { Open--; return uint.Parse(Ask('K', handle, 0, 0, "")[0]); }
    }
}
'@
function global:Add-Type { }
foreach ($part in 'Windows', 'Media') { Import-Module -Name (Join-Path -Path $Module -ChildPath "MimSyncDsc.$part.psm1") }
[MimSync.Package]::Start()
$facts = Import-PowerShellDataFile -Path (Join-Path -Path $Module -ChildPath 'MimSyncDsc.Media.psd1')
$order = [ordered]@{}
foreach ($item in $facts['Properties']) { if ($item['Name'] -ne 'TRANSFORMS') { $order[$item['Name']] = 'x' } }
[System.Console]::OutputEncoding = New-Object System.Text.UTF8Encoding($false)
while ($null -ne ($path = [System.Console]::In.ReadLine())) {
    $answer = @{ tables = @{}; warnings = @(); error = '' }
    try {
        $names = @((Get-PackageTable -Path $path -Name '_Tables')['_Tables'] | ForEach-Object { $_['Name'] })
        $answer['tables'] = Get-PackageTable -Path $path -Name $names
        $answer['warnings'] = @(Assert-Package -Package $path -Property $order 3>&1 | ForEach-Object { $_.Message })
    } catch { $answer['error'] = $_.Exception.Message }
    $answer['open'] = [MimSync.Package]::Open
    [System.Console]::Out.WriteLine((ConvertTo-Json -InputObject $answer -Depth 5 -Compress))
}
