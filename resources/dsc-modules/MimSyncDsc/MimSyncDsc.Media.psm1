# A package of the media held against what setup will be sent, before anything of it is run. The twin of
# resources/media.py; both judge the packages of tests/packages.json alike. MimSyncDsc.Media.psd1 is made from that file.
Set-StrictMode -Version Latest
foreach ($part in 'Windows', 'Compare') {
    Import-Module -Name (Join-Path -Path $PSScriptRoot -ChildPath "MimSyncDsc.$part.psm1")
}

$script:Facts = Import-PowerShellDataFile -Path (Join-Path -Path $PSScriptRoot -ChildPath 'MimSyncDsc.Media.psd1')

function Assert-Package {
    <#
    .SYNOPSIS
    Refuse a package that is not MIM's Synchronization Service, or does not take what it will be sent; warn of what is odd.
    .PARAMETER Package
    The path of the package, which is read and not run.
    .PARAMETER Property
    The properties for setup, by their names; only the names matter.
    .PARAMETER Trusted
    Somebody has looked at this very package: a property that no table mentions is a warning then, for a program in the
    package may read it all the same.
    #>
    param([string] $Package, [System.Collections.IDictionary] $Property, [bool] $Trusted)
    # All tables: a property need not stand in the Property table, a condition, a registry value, a dialog may lean on it.
    $names = @((Get-PackageTable -Path $Package -Name '_Tables')['_Tables'] | ForEach-Object { $_['Name'] })
    $found = Compare-MimPackage -Table (Get-PackageTable -Path $Package -Name $names) -Property $Property -Trusted $Trusted
    if ($found['Reasons']) {
        throw "MimSync.MediaPackage: $($found['Reasons'] -join '; '). Nothing was run. Name the right media as SourcePath; mimc inspect tells on any machine what a package takes. To try a package of MIM that it is wrong about, pin MediaSha256."
    }
    foreach ($note in $found['Notes']) { Write-Warning -Message "The package: $note" }
}

function Compare-MimPackage {
    <#
    .SYNOPSIS
    Give the reasons against installing with this package, and what is worth a warning: Reasons, Notes.
    .DESCRIPTION
    Pure. With a transform a property may come from there, so one that is unknown is a note; as it is in a trusted package.
    .PARAMETER Table
    Every table of the package by its name: rows of column and text.
    .PARAMETER Property
    The properties for setup, by their names.
    .PARAMETER Trusted
    As for Assert-Package.
    #>
    param([System.Collections.IDictionary] $Table, [System.Collections.IDictionary] $Property, [bool] $Trusted)
    $values = Get-PackageProperty -Table $Table
    $reasons = @(Get-ForeignProduct -Value $values)
    $notes = @()
    if (-not $reasons) {
        $transform = $Property.Contains('TRANSFORMS')
        $reasons = @(Get-VersionReason -Version $values['ProductVersion'] -Property $Property)
        $text = @(foreach ($rows in $Table.Values) { foreach ($row in $rows) { $row.Values } }) -join "`n"
        foreach ($item in $script:Facts['Properties']) {
            if ($item['Standard'] -or -not $Property.Contains($item['Name'])) { continue }
            if ($text -cmatch "(?<![A-Za-z0-9_.])$($item['Name'])(?![A-Za-z0-9_.])") { continue }
            $ignored = "ignore $($item['Name']) ($($item['Meaning'])): no table of the package mentions it"
            if (-not $item['Needed']) { $notes += "setup will $ignored" }
            elseif ($transform) { $notes += "setup would $ignored, unless the transform brings it" }
            elseif ($Trusted) { $notes += "setup may $ignored, and MediaSha256 says that this package is wanted" }
            else { $reasons += "setup would $ignored" }
        }
        if (-not $transform) { $notes += @(Get-DefaultNote -Value $values -Property $Property) }
        if ($Property.Contains($script:Facts['Password'])) { $notes += @(Get-PasswordNote -Table $Table -Hidden $values['MsiHiddenProperties']) }
        if ($values['ProductLanguage'] -cne $script:Facts['Language']) {
            $notes += "ProductLanguage is '$($values['ProductLanguage'])'; what mimc knows of setup comes from the English one, $($script:Facts['Language'])"
        }
    }
    @{ Reasons = $reasons; Notes = $notes }
}

function Get-PackageProperty {
    # The Property table by name. Names that differ in case only are two properties.
    param([System.Collections.IDictionary] $Table)
    $values = New-Object hashtable([System.StringComparer]::Ordinal)
    foreach ($row in $Table['Property']) { $values[[string] $row['Property']] = [string] $row['Value'] }
    $values
}

function Get-PackageList {
    # The names in a property that lists some.
    param([string] $Text)
    $Text.Split(';') | ForEach-Object { $_.Trim() }
}

function Get-ForeignProduct {
    # What this is when it is not the package of MIM's Synchronization Service, else nothing.
    param([hashtable] $Value)
    $name = [string] $Value['ProductName']
    if ($name -match $script:Facts['ConnectName'] -or $Value['UpgradeCode'] -eq $script:Facts['ConnectUpgradeCode']) {
        "this is the sync engine of Azure AD Connect (ProductName '$name'), whose package has the same file name; take the one of the folder Synchronization Service on the MIM 2016 media"
    } elseif ($name -ceq $script:Facts['Predecessor']) {
        "this is FIM 2010 (ProductName '$name'); mimc installs MIM 2016"
    } elseif ($name -cne $script:Facts['Product']) {
        "ProductName is '$name', not '$($script:Facts['Product'])'"
    }
}

function Get-VersionReason {
    param([string] $Version, [System.Collections.IDictionary] $Property)
    if ($Version -notmatch '\A[0-9]+(\.[0-9]+){2,3}\z') { return "ProductVersion is '$Version', which is no version" }
    $first = $script:Facts['FirstVersionWithGmsa']
    if ($Property.Contains($script:Facts['Password'])) { return }
    if ([string]::CompareOrdinal((Get-VersionKey $Version), (Get-VersionKey $first)) -lt 0) {
        "a group managed service account installs from $first (SP2) on, not with $Version"
    }
}

function Get-DefaultNote {
    # Leaving a property out means its default, which should be what mimc takes leaving it out to mean.
    param([hashtable] $Value, [System.Collections.IDictionary] $Property)
    foreach ($item in $script:Facts['Properties']) {
        if (-not $item['Omitted'] -or $Property.Contains($item['Name'])) { continue }
        $default = [string] $Value[$item['Name']]
        if ($default -cnotin $item['Omitted']) {
            if ($item['Name'] -cin (Get-PackageList -Text $Value['MsiHiddenProperties'])) { $default = '********' }
            "the default of $($item['Name']) is '$default' where mimc expects '$($item['Omitted'][-1])': it holds when the spec says nothing of $($item['Meaning']), or the same as without it"
        }
    }
}

function Get-PasswordNote {
    # The password's property, and each that a custom action fills with it, should be hidden from the log.
    param([System.Collections.IDictionary] $Table, [string] $Hidden)
    $password = $script:Facts['Password']
    $names = @($password)
    foreach ($row in $Table['CustomAction']) {
        # The kind of custom action that sets the property in its Source to its Target.
        $sets = [string] $row['Type'] -match '\A-?[0-9]+\z' -and ([long] $row['Type'] -band 0x3F) -eq 51
        if ($sets -and ([string] $row['Target']).Contains("[$password]")) { $names += [string] $row['Source'] }
    }
    $listed = @(Get-PackageList -Text $Hidden)
    $exposed = [string[]] @($names | Where-Object { $_ -cnotin $listed } | Select-Object -Unique)
    [System.Array]::Sort($exposed, [System.StringComparer]::Ordinal)
    if ($exposed) { "not in MsiHiddenProperties: $($exposed -join ', '); Windows Installer may write the password into its log, and mimc takes it out again" }
}

Export-ModuleMember -Function Assert-Package, Compare-MimPackage
