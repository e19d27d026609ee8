# Runs the real Invoke-InstallerChild of the seam, for tests/test_wine.py. In the place of msi.dll stands Wine's, reached
# by way of setup.exe in the prefix WINEPREFIX; or, when MIMC_LEAKED names a log, nothing but a copy of that log.
param([string] $Module)
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
Add-Type -TypeDefinition @'
namespace MimSync {
    public class Account { public string Value = "S-1-5-7"; }
    public class Identity { public Account User = new Account(); public static Identity GetCurrent() { return new Identity(); } }
    public static class Installer {
        static string log;
        public static uint MsiSetInternalUI(uint level, System.IntPtr window) { return 0; }
        public static uint MsiEnableLogW(uint mode, string file, uint attributes) { if (file != null) log = file; return 0; }
        public static uint MsiConfigureProductExW(string product, int level, int state, string properties) {
            return MsiInstallProductW(product + " " + level + " " + state, properties);
        }
        public static uint MsiApplyPatchW(string patch, string package, int kind, string properties) { return 1635; }
        public static uint MsiInstallProductW(string package, string properties) {
            string leaked = System.Environment.GetEnvironmentVariable("MIMC_LEAKED");
            if (leaked != null) { System.IO.File.Copy(leaked, log, true); return 1603; }
            string order = System.Environment.GetEnvironmentVariable("WINEPREFIX") + "/drive_c/order.txt";
            string text = package + "\n" + "Z:" + log.Replace("/", "\\") + "\n" + properties;
            System.IO.File.WriteAllText(order, text, System.Text.Encoding.Unicode);
            // Wine's desktop helper would hold a pipe open, so the shell leads its output away.
            var start = new System.Diagnostics.ProcessStartInfo("/bin/sh");
            start.ArgumentList.Add("-c");
            start.ArgumentList.Add("exec wine 'C:\\setup.exe' 'C:\\order.txt' </dev/null >/dev/null 2>&1");
            System.Diagnostics.Process.Start(start).WaitForExit();
            return uint.Parse(System.IO.File.ReadAllText(order + ".code"));
        }
    }
}
'@
function global:Add-Type { }
[psobject].Assembly.GetType('System.Management.Automation.TypeAccelerators')::Add('System.Security.Principal.WindowsIdentity', [MimSync.Identity])
Import-Module -Name (Join-Path -Path $Module -ChildPath 'MimSyncDsc.Windows.psm1')
Invoke-InstallerChild
