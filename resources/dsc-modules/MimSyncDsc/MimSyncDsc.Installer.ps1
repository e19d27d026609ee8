# The child process of Set: see Start-InstallerChild and Invoke-InstallerChild in the seam.
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
try { Import-Module -Name "$PSScriptRoot\MimSyncDsc.Windows.psm1" }
catch {
    # Nobody reads this process's errors.
    [System.Console]::Out.WriteLine('mimc:error ' + ($_.Exception.Message -replace '\s+', ' '))
    return
}
Invoke-InstallerChild
