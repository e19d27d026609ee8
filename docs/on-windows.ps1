<# .SYNOPSIS
Asks a real node what docs/fidelity.md could not check without one. Changes nothing, writes no file; one JSON document on stdout.
.DESCRIPTION
Made for Windows PowerShell 5.1. PowerShell 7 runs it too and says what it cannot tell there. docs/on-windows.md explains the answer.
.PARAMETER Module
The folder of the module; without it that of the checkout that this file lies in.
.PARAMETER Scripts
The folder of the pusher's scripts; without it that of the checkout.
.PARAMETER CommandList
The list of commands and types that mimc uses; without it that of the checkout.
.PARAMETER Media
Path of a Synchronization Service.msi, to have its tables read.
.PARAMETER Mof
Path of a MOF compiled for this node, to have it parsed, not applied, and its passwords opened in memory.
.PARAMETER SqlServer
A SQL Server, as host or host\instance, to read the group SIDs from, as the account that runs this.
.PARAMETER Database
The database there.
.PARAMETER IncludeNames
Leave the names of this computer, of accounts and servers in the answer. #>
param(
    [string] $Module = '',
    [string] $Scripts = '',
    [string] $CommandList = '',
    [string] $Media = '',
    [string] $Mof = '',
    [string] $SqlServer = '',
    [string] $Database = 'FIMSynchronizationService',
    [switch] $IncludeNames
)
Set-StrictMode -Version Latest
$ErrorActionPreference = 'Stop'
$checkout = Join-Path -Path $PSScriptRoot -ChildPath '..'
if (-not $Module) { $Module = Join-Path -Path $checkout -ChildPath 'resources/dsc-modules/MimSyncDsc' }
if (-not $Scripts) { $Scripts = Join-Path -Path $checkout -ChildPath 'pusher/scripts' }
if (-not $CommandList) { $CommandList = Join-Path -Path $checkout -ChildPath 'tests/engine/windows-powershell-5.1.json' }
$inboxSchema = Join-Path -Path $checkout -ChildPath 'resources/inbox.schema.mof'
$administrators = 'S-1-5-32-544'
$nobody = 'mimc-no-such-account-4711'
$service = 'SYSTEM\CurrentControlSet\Services\FIMSynchronizationService'
$firewallRules = 'SYSTEM\CurrentControlSet\Services\SharedAccess\Parameters\FirewallPolicy\FirewallRules'
$lcmNamespace = 'root/Microsoft/Windows/DesiredStateConfiguration'

#region Answers
function Get-Finding {
    # Confirmed when every fact is true. Seen is for whoever reads the answer.
    param([System.Collections.IDictionary] $Fact, [string] $Seen = '')
    $failed = @($Fact.Keys | Where-Object { -not $Fact[$_] })
    $answer = @{ Verdict = 'confirmed'; Evidence = "so: $(@($Fact.Keys) -join '; ')" }
    if ($failed) { $answer = @{ Verdict = 'refuted'; Evidence = "not so: $($failed -join '; ')" } }
    if ($Seen) { $answer['Evidence'] += ". Seen: $Seen" }
    $answer
}

function Get-NotPossible {
    # An honest no answer, and what would give one.
    param([string] $Why)
    @{ Verdict = 'notPossibleHere'; Evidence = $Why }
}

function Get-Name {
    # The names of an object's properties, or of a hashtable's keys.
    param([object] $Object)
    if ($Object -is [System.Collections.IDictionary]) { $Object.Keys } elseif ($null -ne $Object) { $Object.PSObject.Properties | ForEach-Object { $_.Name } }
}

function Hide-Name {
    # Text without the names of this node, its domain, its accounts and of other servers.
    param([string] $Text)
    if ($IncludeNames) { return $Text }
    $names = @($env:COMPUTERNAME, $env:USERNAME, $env:USERDOMAIN, $env:USERDNSDOMAIN, ($SqlServer -split '\\')[0])
    $ip = [System.Net.NetworkInformation.IPGlobalProperties]::GetIPGlobalProperties()
    $names += $ip.HostName, $ip.DomainName
    foreach ($name in $names) {
        if ($name -and $name.Length -gt 1) { $Text = $Text -replace "(?<![\w-])$([regex]::Escape($name))(?![\w-])", '<name>' }
    }
    $Text = $Text -replace '\\\\[^\\\s''"]+\\', '\\<server>\'
    $Text -replace 'S-1-5-21-\d+-\d+-\d+', 'S-1-5-21-<domain>'
}

function Invoke-Check {
    # The answer of one check, whatever becomes of it.
    param([hashtable] $Check)
    $watch = [System.Diagnostics.Stopwatch]::StartNew()
    try {
        if (-not (Test-Windows)) { $answer = Get-NotPossible -Why 'this is not Windows' }
        elseif ($Check['Needs'] -eq '5.1' -and -not (Test-Desktop)) { $answer = Get-NotPossible -Why 'this is not Windows PowerShell 5.1: run it with powershell.exe' }
        elseif ($Check['Needs'] -eq 'administrator' -and -not (Test-Administrator)) { $answer = Get-NotPossible -Why 'only an administrator may ask: run it elevated' }
        # Whatever a command has to say beside its answer would stand in the middle of the JSON.
        else { $answer = @(& $Check['Run'] 3>$null 4>$null 5>$null 6>$null)[-1] }
        if (@('confirmed', 'refuted', 'notPossibleHere') -cnotcontains $answer['Verdict']) { throw 'the check gave no verdict' }
    } catch { $answer = @{ Verdict = 'error'; Evidence = $_.Exception.GetBaseException().Message } }
    $text = (Hide-Name -Text $answer['Evidence']) -replace '\s+', ' '
    if ($text.Length -gt 4000) { $text = $text.Substring(0, 4000) + ' ...' }
    [ordered]@{
        id = $Check['Id']; claim = $Check['Claim']; verdict = $answer['Verdict']; evidence = $text
        milliseconds = [long] $watch.ElapsedMilliseconds
    }
}

function Test-Windows { [System.Environment]::OSVersion.Platform.ToString() -eq 'Win32NT' }
function Test-Desktop { $PSVersionTable.PSEdition -eq 'Desktop' -and $PSVersionTable.PSVersion.Major -eq 5 }
#endregion Answers

#region The run
foreach ($part in 'engine', 'seam', 'state', 'lcm', 'documents', 'product') {
    $file = Join-Path -Path $PSScriptRoot -ChildPath "on-windows/$part.ps1"
    . $file
}
# The first column of docs/fidelity.md.
$claims = @{
    shipped = 'Every shipped `.ps1`, `.psm1`, `.psd1` parses; nothing newer than 5.1; commands are on the recorded list of 5.1'
    together = 'Scripts and module work together over the real protocol'
    seam = 'The bodies of the seam file `MimSyncDsc.Windows.psm1` (registry, services, accounts, firewall, Windows Installer, SQL, `miiskmu`, ACLs, child processes)'
    decide = 'The scripts decide as designed, and nothing they write is a null that 5.1 spells `{}`'
    lcm = 'The LCM''s CIM methods in `pusher/scripts/`'
    meta = 'Meta documents with every setting and manager'
    jobs = 'The enactment survives a lost connection, and is never started twice'
    wire = 'Sessions, scripts, parameters, errors, time limits, lost connections'
    text = 'The text of a document is UTF-16LE with BOM and CRLF'
    sealed = 'Passwords are sealed as Windows does it: AES-256-CBC, RSAES-OAEP with SHA-1, issuerAndSerial'
    decrypts = 'The LCM decrypts only with `ContentType` and a `CertificateID` set'
    secrets = 'No secret in a file, log, error or report'
    inbox = 'Names, types and keys of the inbox resources'
    firewall = 'Firewall rules are found by their program `miiserver.exe`'
    setup = 'Setup''s properties and exit codes'
    groups = 'The group SIDs stand in `mms_server_configuration`'
    order = 'Set''s order reaches the installer and its exit code comes back'
    inspect = '`mimc inspect` reads a package''s tables'
}
$checks = @(
    @{ Id = 'engine.version'; Run = 'Test-EngineVersion'; Needs = '5.1'; Claim = $claims['shipped'] }
    @{ Id = 'engine.parse'; Run = 'Test-Parse'; Needs = '5.1'; Claim = $claims['shipped'] }
    @{ Id = 'engine.commands'; Run = 'Test-KnownCommand'; Needs = '5.1'; Claim = $claims['shipped'] }
    @{ Id = 'module.import'; Run = 'Test-ModuleImport'; Needs = ''; Claim = $claims['shipped'] }
    @{ Id = 'module.discovery'; Run = 'Test-ModuleDiscovery'; Needs = '5.1'; Claim = $claims['together'] }
    @{ Id = 'seam.node'; Run = 'Test-SeamNode'; Needs = ''; Claim = $claims['seam'] }
    @{ Id = 'seam.registry'; Run = 'Test-SeamRegistry'; Needs = ''; Claim = $claims['seam'] }
    @{ Id = 'seam.service'; Run = 'Test-SeamService'; Needs = ''; Claim = $claims['seam'] }
    @{ Id = 'seam.account'; Run = 'Test-SeamAccount'; Needs = ''; Claim = $claims['seam'] }
    @{ Id = 'seam.file'; Run = 'Test-SeamFile'; Needs = ''; Claim = $claims['seam'] }
    @{ Id = 'seam.identity'; Run = 'Test-SeamIdentity'; Needs = ''; Claim = $claims['seam'] }
    @{ Id = 'seam.installer'; Run = 'Test-SeamInstallerBusy'; Needs = ''; Claim = $claims['seam'] }
    @{ Id = 'seam.signature'; Run = 'Test-SeamSignature'; Needs = ''; Claim = $claims['seam'] }
    @{ Id = 'seam.sql'; Run = 'Test-SeamSql'; Needs = ''; Claim = $claims['seam'] }
    @{ Id = 'seam.child'; Run = 'Test-SeamChild'; Needs = ''; Claim = $claims['seam'] }
    @{ Id = 'state.get'; Run = 'Test-StateOfGet'; Needs = ''; Claim = $claims['decide'] }
    @{ Id = 'scripts.read'; Run = 'Test-ScriptRead'; Needs = ''; Claim = $claims['decide'] }
    @{ Id = 'scripts.preflight'; Run = 'Test-ScriptPreflight'; Needs = 'administrator'; Claim = $claims['lcm'] }
    @{ Id = 'lcm.methods'; Run = 'Test-LcmMethod'; Needs = 'administrator'; Claim = $claims['lcm'] }
    @{ Id = 'lcm.settings'; Run = 'Test-LcmSetting'; Needs = 'administrator'; Claim = $claims['meta'] }
    @{ Id = 'lcm.status'; Run = 'Test-LcmStatus'; Needs = 'administrator'; Claim = $claims['jobs'] }
    @{ Id = 'wire.winrm'; Run = 'Test-WinRm'; Needs = 'administrator'; Claim = $claims['wire'] }
    @{ Id = 'mof.read'; Run = 'Test-MofRead'; Needs = '5.1'; Claim = $claims['text'] }
    @{ Id = 'secret.sealed'; Run = 'Test-SealedPassword'; Needs = 'administrator'; Claim = $claims['sealed'] }
    @{ Id = 'secret.certificate'; Run = 'Test-Certificate'; Needs = ''; Claim = $claims['decrypts'] }
    @{ Id = 'secret.policy'; Run = 'Test-LogPolicy'; Needs = ''; Claim = $claims['secrets'] }
    @{ Id = 'inbox.schema'; Run = 'Test-InboxSchema'; Needs = '5.1'; Claim = $claims['inbox'] }
    @{ Id = 'firewall.format'; Run = 'Test-FirewallFormat'; Needs = ''; Claim = $claims['firewall'] }
    @{ Id = 'firewall.product'; Run = 'Test-FirewallOfProduct'; Needs = ''; Claim = $claims['firewall'] }
    @{ Id = 'product.entry'; Run = 'Test-ProductEntry'; Needs = ''; Claim = $claims['setup'] }
    @{ Id = 'product.groups'; Run = 'Test-SqlGroup'; Needs = ''; Claim = $claims['groups'] }
    @{ Id = 'installer.exports'; Run = 'Test-InstallerExport'; Needs = ''; Claim = $claims['order'] }
    @{ Id = 'media.package'; Run = 'Test-MediaPackage'; Needs = ''; Claim = $claims['inspect'] }
)

$importFault = ''
try {
    foreach ($file in 'MimSyncDsc.Windows.psm1', 'MimSyncDsc.Read.psm1', 'DSCResources/MSFT_MimSyncService/MSFT_MimSyncService.psm1') {
        Import-Module -Name (Join-Path -Path $Module -ChildPath $file) 3>$null 4>$null
    }
} catch { $importFault = $_.Exception.GetBaseException().Message }
$answers = @(foreach ($check in $checks) { Invoke-Check -Check $check })
$summary = [ordered]@{}
foreach ($verdict in 'confirmed', 'refuted', 'notPossibleHere', 'error') { $summary[$verdict] = [int] @($answers | Where-Object { $_['verdict'] -ceq $verdict }).Count }
$summary['windows'] = [System.Environment]::OSVersion.Version.ToString()
$summary['powershell'] = "$($PSVersionTable.PSVersion) $($PSVersionTable.PSEdition)"
$summary['module'] = ''
try { $summary['module'] = [string] (Import-PowerShellDataFile -Path (Join-Path -Path $Module -ChildPath 'MimSyncDsc.psd1'))['ModuleVersion'] } catch { $summary['module'] = 'none' }
$summary['culture'] = [string] [System.Globalization.CultureInfo]::CurrentUICulture.Name
if ($IncludeNames) { $summary['computer'] = [string] $env:COMPUTERNAME }
$json = ConvertTo-Json -InputObject ([ordered]@{ version = 1; checks = $answers; summary = $summary }) -Depth 4
# ASCII, so that no code page on the way can spoil it.
[regex]::Replace($json, '[^\x20-\x7e\r\n\t]', { param($match) '\u{0:x4}' -f [int] [char] $match.Value })
#endregion The run
